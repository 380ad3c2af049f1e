//! One step of an optimizer.

use cnn_core::op::{OptimizerStep, Rule};
use rayon::prelude::*;

use super::vectors::vectorised;
use super::{CHUNK, View};
use crate::reference::optimizer_step::element;

/// Weight and states after the step, each in a tensor of its own.
pub(super) fn step(op: &OptimizerStep, inputs: &[View], y: Vec<&mut [f32]>) {
    let settings = [0, 1, 2, 3].map(|i| inputs[0].data[i]);
    let done = inputs[0].data[4] != 0.0;
    let n = inputs[1].data.len();
    let mut rows: Vec<_> = y.into_iter().map(|row| row.chunks_mut(CHUNK)).collect();
    let pieces: Vec<Vec<&mut [f32]>> =
        (0..n.div_ceil(CHUNK)).map(|_| rows.iter_mut().filter_map(Iterator::next).collect()).collect();
    pieces.into_par_iter().enumerate().for_each(|(chunk, mut new)| {
        let [gradient, old @ ..] = &inputs[1..] else { return };
        // The new elements are made where the old ones have been copied to. There they stay if the step is not done.
        for (new, old) in new.iter_mut().zip(old) {
            new.copy_from_slice(&old.data[chunk * CHUNK..][..new.len()]);
        }
        let gradient = &gradient.data[chunk * CHUNK..][..new[0].len()];
        if done {
            vectorised(
                #[inline(always)]
                || update(&op.rule, settings, gradient, &mut new),
            );
        }
    });
}

/// The step of weight and states in their places.
#[inline(always)]
fn update(rule: &Rule, settings: [f32; 4], gradient: &[f32], rows: &mut [&mut [f32]]) {
    // One loop for each rule, which is known in it, or the compiler would ask for the rule at every element.
    macro_rules! by_rule {
        ($($name:ident { $($argument:ident),* }),*) => {
            match *rule {
                $(Rule::$name { $($argument),* } => each(&Rule::$name { $($argument),* }, settings, gradient, rows)),*
            }
        };
    }
    by_rule!(
        Sgd { momentum, nesterov },
        Adam { beta_1, beta_2, epsilon, amsgrad },
        RmsProp { rho, momentum, epsilon, centered },
        Adagrad { epsilon },
        Adadelta { rho, epsilon },
        Adamax { beta_1, beta_2, epsilon },
        Nadam { beta_1, beta_2, epsilon },
        Lion { beta_1, beta_2 },
        Ftrl { learning_rate_power, l1, l2, l2_shrinkage, beta }
    );
}

#[inline(always)]
fn each(rule: &Rule, settings: [f32; 4], gradient: &[f32], rows: &mut [&mut [f32]]) {
    let new = |g: &f32, w: &f32, states| element(rule, settings, *g, *w, states);
    match rows {
        [w] => w.iter_mut().zip(gradient).for_each(|(w, g)| [*w, ..] = new(g, w, [0.0; 3])),
        [w, a] => {
            let elements = w.iter_mut().zip(a.iter_mut()).zip(gradient);
            elements.for_each(|((w, a), g)| [*w, *a, ..] = new(g, w, [*a, 0.0, 0.0]));
        }
        [w, a, b] => {
            let elements = w.iter_mut().zip(a.iter_mut()).zip(b.iter_mut()).zip(gradient);
            elements.for_each(|(((w, a), b), g)| [*w, *a, *b, _] = new(g, w, [*a, *b, 0.0]));
        }
        [w, a, b, c] => {
            let elements = w.iter_mut().zip(a.iter_mut()).zip(b.iter_mut()).zip(c.iter_mut()).zip(gradient);
            elements.for_each(|((((w, a), b), c), g)| [*w, *a, *b, *c] = new(g, w, [*a, *b, *c]));
        }
        _ => unreachable!("a rule has three states at most"),
    }
}
