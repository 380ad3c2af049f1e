//! What a classifier ends in: probabilities or logits.

use std::sync::Arc;

use super::Model;
use crate::error::ModelError;
use crate::layers::{Activation, Layer};

impl Model {
    /// Makes the model end in probabilities ([`Activation::Softmax`]) or logits ([`Activation::Linear`]): what
    /// `classifier_activation` of `keras.applications` does, for any model that ends in one of the two.
    ///
    /// ```
    /// use cnn_core::Sequential;
    /// use cnn_core::layers::{Activation, Dense, Layer};
    /// let dense = Dense::new(2).activation(Activation::Softmax);
    /// let mut model = Sequential::new("m").input([3])?.add(dense)?.model()?;
    /// model.set_classifier_activation(Activation::Linear)?;
    /// assert_eq!(model.layers()[1].layer(), &Layer::Dense(Dense::new(2)));
    /// # Ok::<(), cnn_core::ModelError>(())
    /// ```
    ///
    /// # Errors
    /// If the model has several outputs, something else takes from the last layer, or that layer does not end in
    /// softmax or nothing.
    pub fn set_classifier_activation(&mut self, activation: Activation) -> Result<(), ModelError> {
        let &[output] = self.outputs.as_slice() else {
            return Err(self.no_classifier(format!("it has {} outputs", self.outputs.len())));
        };
        let calls = self.layers.iter().flat_map(|layer| &layer.calls);
        let taken = calls.flat_map(|call| &call.inputs).any(|x| x.layer == output.layer);
        let layer = &mut self.layers[output.layer];
        let label = format!("{} ({})", layer.name, layer.layer.class_name());
        if taken || layer.calls.len() > 1 {
            return Err(self.no_classifier(format!("other layers take from {label}, or it is used twice")));
        }
        let current = match &mut layer.layer {
            Layer::Model(model) => return Arc::make_mut(model).set_classifier_activation(activation),
            Layer::Softmax(_) if activation == Activation::Softmax => return Ok(()),
            Layer::Softmax(_) => {
                layer.layer = Layer::Activation(activation);
                return Ok(());
            }
            Layer::Dense(dense) => &mut dense.activation,
            Layer::Conv2D(conv) => &mut conv.activation,
            Layer::Activation(activation) => activation,
            _ => return Err(self.no_classifier(format!("it ends in {label}"))),
        };
        if !matches!(current, Activation::Softmax | Activation::Linear) {
            let reason = format!("it ends in {label} with {}", current.keras_name());
            return Err(self.no_classifier(reason));
        }
        *current = activation;
        Ok(())
    }

    fn no_classifier(&self, reason: String) -> ModelError {
        let reason = format!("has no classifier's activation to exchange: {reason}");
        ModelError::Graph { model: self.name.clone(), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{Dense, Flatten, GlobalAveragePooling2D, Named, Softmax};
    use crate::{Functional, Sequential};

    fn ending_in(layer: impl Into<Named>) -> Model {
        Sequential::new("m").input([2, 2, 3]).and_then(|m| m.add(layer)).and_then(Sequential::model).unwrap()
    }

    #[test]
    fn probabilities_and_logits_are_exchanged() {
        let cases: [(Named, Activation, Layer); 5] = [
            (Dense::new(2).into(), Activation::Softmax, Dense::new(2).activation(Activation::Softmax).into()),
            (Activation::Softmax.into(), Activation::Linear, Activation::Linear.into()),
            (Softmax::new().axis([1]).into(), Activation::Softmax, Softmax::new().axis([1]).into()),
            (Softmax::new().into(), Activation::Linear, Activation::Linear.into()),
            (Layer::from(ending_in(Activation::Softmax)).into(), Activation::Linear, {
                let mut inner = ending_in(Activation::Softmax);
                inner.set_classifier_activation(Activation::Linear).unwrap();
                inner.into()
            }),
        ];
        for (layer, activation, wanted) in cases {
            let mut model = ending_in(layer);
            model.set_classifier_activation(activation).unwrap();
            assert_eq!(model.layers()[1].layer(), &wanted);
        }
    }

    #[test]
    fn what_is_no_classifier_is_refused() {
        let mut f = Functional::new();
        let x = f.input([4]).unwrap();
        let a = f.call(Dense::new(2).activation(Activation::Softmax), &[x]).unwrap();
        let b = f.call(Dense::new(2), &[a]).unwrap();
        let cases = [
            (ending_in(GlobalAveragePooling2D::new()), "global_average_pooling2d (GlobalAveragePooling2D)"),
            (ending_in(Flatten), "flatten (Flatten)"),
            (ending_in(Dense::new(2).activation(Activation::Relu)), "with relu"),
            (f.clone().model("m", &[x], &[a, b]).unwrap(), "2 outputs"),
        ];
        for (mut model, text) in cases {
            let before = model.clone();
            let error = model.set_classifier_activation(Activation::Linear).unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
            assert_eq!(model, before);
        }
    }
}
