//! A layer's weights: their shapes, how they begin, and what training asks of them.

use super::{Constraint, Initializer, Regularizer};

/// A weight that a layer has.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightSpec {
    /// Keras 3's name: `kernel`.
    pub name: &'static str,
    /// Its shape in Keras's layout.
    pub shape: Vec<usize>,
    /// Whether training's gradient changes it; false for moving statistics.
    pub trainable: bool,
    /// How it begins, and what training asks of it.
    pub options: WeightOptions,
}

impl WeightSpec {
    pub(super) fn new(name: &'static str, shape: Vec<usize>, options: &WeightOptions) -> Self {
        Self { name, shape, trainable: true, options: options.clone() }
    }

    pub(super) fn fixed(name: &'static str, shape: Vec<usize>, options: &WeightOptions) -> Self {
        Self { trainable: false, ..Self::new(name, shape, options) }
    }

    /// What of its options is not for its shape, as a part of a sentence.
    pub(super) fn check(&self) -> Result<(), String> {
        let WeightOptions { initializer, regularizer, constraint, .. } = &self.options;
        initializer.check(&self.shape).map_err(|error| format!("has a weight {} ({error}) and", self.name))?;
        regularizer.iter().try_for_each(|regularizer| regularizer.check(&self.shape))?;
        constraint.iter().try_for_each(|constraint| constraint.check(&self.shape))
    }
}

/// How a weight begins, and what training asks of it: Keras's `kernel_initializer`, `kernel_regularizer` and
/// `kernel_constraint`, and so for the others.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightOptions {
    /// How it begins.
    pub initializer: Initializer,
    /// The initializer's own seed; without one, values depend on the seed of [`crate::Weights::initialize`] and on the path.
    pub seed: Option<u64>,
    /// What the loss has for it.
    pub regularizer: Option<Regularizer>,
    /// What each step of training makes it keep to.
    pub constraint: Option<Constraint>,
}

impl From<Initializer> for WeightOptions {
    /// No regularizer, no constraint.
    fn from(initializer: Initializer) -> Self {
        Self { initializer, seed: None, regularizer: None, constraint: None }
    }
}

/// The builder methods for a layer's weights.
macro_rules! weight_setters {
    ($layer:ident { $($weight:ident: $initializer:ident $($regularizer:ident $constraint:ident)?,)+ }) => {
        impl $layer {
            $(
                #[doc = concat!("Sets how the weight `", stringify!($weight), "` begins.")]
                pub fn $initializer(mut self, initializer: Initializer) -> Self {
                    self.$weight.initializer = initializer;
                    self
                }

                $(
                    #[doc = concat!("Sets what the loss has for the weight `", stringify!($weight), "`.")]
                    pub fn $regularizer(mut self, regularizer: Regularizer) -> Self {
                        self.$weight.regularizer = Some(regularizer);
                        self
                    }

                    #[doc = concat!("Sets what the weight `", stringify!($weight), "` keeps to in training.")]
                    pub fn $constraint(mut self, constraint: Constraint) -> Self {
                        self.$weight.constraint = Some(constraint);
                        self
                    }
                )?
            )+
        }
    };
}
pub(super) use weight_setters;

/// The builder method of layers whose output can be regularized.
macro_rules! activity_setter {
    ($($layer:ident)+) => {
        $(
            impl $layer {
                /// Sets what the loss has for the output, divided by the batch's size.
                pub fn activity_regularizer(mut self, regularizer: Regularizer) -> Self {
                    self.activity_regularizer = Some(regularizer);
                    self
                }
            }
        )+
    };
}
pub(super) use activity_setter;
