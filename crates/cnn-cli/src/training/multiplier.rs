//! Learning rates of parts of a network, as the user writes them: `resnet50/=0.1`.

use std::str::FromStr;

use cnn::training::Training;

/// By what the learning rate of some weights is multiplied.
#[derive(Debug, Clone, PartialEq)]
pub struct Multiplier {
    /// How the paths of the weights begin.
    prefix: String,
    factor: f64,
    /// As it was written.
    pub text: String,
}

impl FromStr for Multiplier {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((prefix, factor)) = text.rsplit_once('=').filter(|(prefix, _)| !prefix.is_empty()) else {
            return Err(format!("'{text}' is no PREFIX=FACTOR, as in resnet50/=0.1"));
        };
        let number = factor.parse().ok().filter(|factor: &f64| factor.is_finite() && *factor > 0.0);
        let factor = number.ok_or_else(|| {
            format!("the factor of {prefix} is '{factor}', but has to be a number above 0; freeze what is not to learn")
        })?;
        Ok(Self { prefix: prefix.into(), factor, text: text.into() })
    }
}

/// The training with these multipliers.
pub fn multiplied(training: Training, multipliers: &[Multiplier]) -> Training {
    let with = |training: Training, Multiplier { prefix, factor, .. }: &Multiplier| {
        training.learning_rate_multiplier(prefix, *factor)
    };
    multipliers.iter().fold(training, with)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for (text, prefix, factor) in [("resnet50/=0.1", "resnet50/", 0.1), ("a=b/=1e-2", "a=b/", 0.01)] {
            let read: Multiplier = text.parse().unwrap();
            assert_eq!((read.prefix.as_str(), read.factor, read.text.as_str()), (prefix, factor, text));
        }
        for (text, wanted) in [
            ("resnet50/", "'resnet50/' is no PREFIX=FACTOR"),
            ("=0.1", "is no PREFIX=FACTOR"),
            ("", "is no PREFIX=FACTOR"),
            ("dense=fast", "the factor of dense is 'fast'"),
            ("dense=", "the factor of dense is ''"),
            ("dense=0", "a number above 0; freeze what is not to learn"),
            ("dense=-1", "the factor of dense is '-1'"),
            ("dense=inf", "the factor of dense is 'inf'"),
        ] {
            let error = text.parse::<Multiplier>().unwrap_err();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
