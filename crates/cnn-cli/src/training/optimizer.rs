//! An optimizer as the user writes it: `sgd,learning_rate=0.05,momentum=0.9,nesterov`.

use std::str::FromStr;

use cnn::training::{Optimizer, Rule};

use crate::failure::suggestion;

/// An optimizer in Keras's words.
#[derive(Debug, Clone, PartialEq)]
pub struct OptimizerText {
    /// What it says.
    pub optimizer: Optimizer,
    /// As it was written.
    pub text: String,
}

type Make = fn() -> Optimizer;

const KNOWN: [(&str, Make); 10] = [
    ("sgd", Optimizer::sgd),
    ("adam", Optimizer::adam),
    ("adamw", Optimizer::adamw),
    ("rmsprop", Optimizer::rmsprop),
    ("adagrad", Optimizer::adagrad),
    ("adadelta", Optimizer::adadelta),
    ("adamax", Optimizer::adamax),
    ("nadam", Optimizer::nadam),
    ("lion", Optimizer::lion),
    ("ftrl", Optimizer::ftrl),
];

/// Where an argument goes.
enum Place<'a> {
    /// A number that is not negative.
    Number(&'a mut f64),
    /// A number that is not positive.
    Negative(&'a mut f64),
    /// A number that is not there at first.
    Maybe(&'a mut Option<f64>),
    /// A number above 0 that is not there at first, nor where it is 0: Keras clips by none.
    Clip(&'a mut Option<f64>),
    /// A number of steps that is not there at first.
    Count(&'a mut Option<u64>),
    /// Yes or no.
    Flag(&'a mut bool),
}

impl FromStr for OptimizerText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',').map(str::trim);
        let name = parts.next().unwrap_or_default().to_lowercase();
        let names = || KNOWN.iter().map(|&(known, _)| known);
        let Some((_, make)) = KNOWN.iter().find(|(known, _)| *known == name) else {
            let all = names().collect::<Vec<_>>().join(", ");
            return Err(format!("'{name}' is no optimizer; there are {all}{}", suggestion(&name, names())));
        };
        let mut optimizer = make();
        let mut given: Vec<&str> = Vec::new();
        for part in parts {
            let (argument, value) = part.split_once('=').map_or((part, None), |(a, v)| (a.trim(), Some(v.trim())));
            let argument = if argument == "lr" { "learning_rate" } else { argument };
            if given.contains(&argument) {
                return Err(format!("{argument} is given twice"));
            }
            set(&mut optimizer, &name, argument, value)?;
            given.push(argument);
        }
        let clips = ["clipnorm", "clipvalue", "global_clipnorm"].into_iter().filter(|clip| given.contains(clip));
        let clips: Vec<&str> = clips.collect();
        if clips.len() > 1 {
            return Err(format!("{} do not go together; give one of them", clips.join(" and ")));
        }
        optimizer.check().map_err(|error| error.to_string())?;
        Ok(Self { optimizer, text: text.into() })
    }
}

fn set(optimizer: &mut Optimizer, name: &str, argument: &str, value: Option<&str>) -> Result<(), String> {
    let places = places(optimizer);
    let known: Vec<&str> = places.iter().map(|&(known, _)| known).collect();
    let Some((_, place)) = places.into_iter().find(|(known, _)| *known == argument) else {
        let (all, near) = (known.join(", "), suggestion(argument, known.iter().copied()));
        return Err(format!("{name} has no argument '{argument}'; it has {all}{near}"));
    };
    let wrong = |wanted: &str| match value {
        Some(value) => format!("{argument} is '{value}', but has to be {wanted}"),
        None => format!("{argument} has no value; write {argument}=VALUE, {wanted}"),
    };
    let number = |wanted: &str, fits: fn(f64) -> bool| {
        let number = value.and_then(|value| value.parse().ok()).filter(|number: &f64| number.is_finite());
        number.filter(|&number| fits(number)).ok_or_else(|| wrong(wanted))
    };
    const POSITIVE: &str = "a number from 0 on";
    match place {
        Place::Number(place) => *place = number(POSITIVE, |x| x >= 0.0)?,
        Place::Negative(place) => *place = number("a number up to 0", |x| x <= 0.0)?,
        Place::Maybe(place) => *place = Some(number(POSITIVE, |x| x >= 0.0)?),
        Place::Clip(place) => *place = Some(number(POSITIVE, |x| x >= 0.0)?).filter(|&most| most > 0.0),
        Place::Count(place) => {
            let count = value.and_then(|value| value.parse().ok());
            *place = Some(count.ok_or_else(|| wrong("a whole number"))?);
        }
        Place::Flag(place) => {
            *place = match value.map(str::to_lowercase).as_deref() {
                None | Some("true") => true,
                Some("false") => false,
                Some(_) => return Err(wrong("true or false")),
            }
        }
    }
    Ok(())
}

/// The arguments of an optimizer by Keras's names.
fn places(optimizer: &mut Optimizer) -> Vec<(&'static str, Place<'_>)> {
    use Place::{Clip, Count, Flag, Maybe, Negative, Number};
    let mut places = vec![
        ("learning_rate", Number(&mut optimizer.learning_rate)),
        ("weight_decay", Maybe(&mut optimizer.weight_decay)),
        ("clipnorm", Clip(&mut optimizer.clipnorm)),
        ("clipvalue", Clip(&mut optimizer.clipvalue)),
        ("global_clipnorm", Clip(&mut optimizer.global_clipnorm)),
        ("use_ema", Flag(&mut optimizer.use_ema)),
        ("ema_momentum", Number(&mut optimizer.ema_momentum)),
        ("ema_overwrite_frequency", Count(&mut optimizer.ema_overwrite_frequency)),
        ("gradient_accumulation_steps", Count(&mut optimizer.gradient_accumulation_steps)),
    ];
    let initial = ("initial_accumulator_value", Number(&mut optimizer.initial_state));
    match &mut optimizer.rule {
        Rule::Sgd { momentum, nesterov } => {
            places.extend([("momentum", Number(momentum)), ("nesterov", Flag(nesterov))])
        }
        Rule::Adam { beta_1, beta_2, epsilon, amsgrad } => places.extend([
            ("beta_1", Number(beta_1)),
            ("beta_2", Number(beta_2)),
            ("epsilon", Number(epsilon)),
            ("amsgrad", Flag(amsgrad)),
        ]),
        Rule::RmsProp { rho, momentum, epsilon, centered } => places.extend([
            ("rho", Number(rho)),
            ("momentum", Number(momentum)),
            ("epsilon", Number(epsilon)),
            ("centered", Flag(centered)),
        ]),
        Rule::Adagrad { epsilon } => places.extend([("epsilon", Number(epsilon)), initial]),
        Rule::Adadelta { rho, epsilon } => places.extend([("rho", Number(rho)), ("epsilon", Number(epsilon))]),
        Rule::Adamax { beta_1, beta_2, epsilon } | Rule::Nadam { beta_1, beta_2, epsilon } => {
            places.extend([("beta_1", Number(beta_1)), ("beta_2", Number(beta_2)), ("epsilon", Number(epsilon))])
        }
        Rule::Lion { beta_1, beta_2 } => places.extend([("beta_1", Number(beta_1)), ("beta_2", Number(beta_2))]),
        Rule::Ftrl { learning_rate_power, l1, l2, l2_shrinkage, beta } => places.extend([
            initial,
            ("learning_rate_power", Negative(learning_rate_power)),
            ("l1_regularization_strength", Number(l1)),
            ("l2_regularization_strength", Number(l2)),
            ("l2_shrinkage_regularization_strength", Number(l2_shrinkage)),
            ("beta", Number(beta)),
        ]),
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Optimizer {
        text.parse::<OptimizerText>().unwrap_or_else(|error| panic!("{text}: {error}")).optimizer
    }

    #[test]
    fn arguments_go_where_keras_has_them() {
        assert_eq!(parsed("adam"), Optimizer::adam());
        let sgd = Optimizer::sgd().learning_rate(0.05).momentum(0.9).nesterov(true).weight_decay(1e-4);
        assert_eq!(parsed("SGD, lr=0.05, momentum=0.9, nesterov, weight_decay=1e-4"), sgd);
        assert_eq!(parsed("sgd,nesterov=False"), Optimizer::sgd());
        let Rule::Adam { beta_1, amsgrad, .. } = parsed("adamw,beta_1=0.8,amsgrad=true").rule else { panic!() };
        assert_eq!((beta_1, amsgrad), (0.8, true));
        assert_eq!(parsed("adagrad,initial_accumulator_value=0").initial_state, 0.0);
        let Rule::Ftrl { learning_rate_power, .. } = parsed("ftrl,learning_rate_power=-1").rule else { panic!() };
        assert_eq!(learning_rate_power, -1.0);
        // Of 0, Keras's `if self.clipnorm and self.clipnorm > 0` makes no clipping.
        for clip in ["clipnorm", "clipvalue", "global_clipnorm"] {
            assert_eq!(parsed(&format!("sgd,{clip}=0")), Optimizer::sgd());
            assert_ne!(parsed(&format!("sgd,{clip}=0.5")), Optimizer::sgd());
        }
        assert_eq!(parsed("sgd,weight_decay=0").weight_decay, Some(0.0));
        // Every optimizer takes its own arguments back.
        for (name, make) in KNOWN {
            for (argument, place) in places(&mut make()) {
                let value = match place {
                    Place::Flag(_) => "true",
                    Place::Count(_) => "2",
                    Place::Negative(_) => "0",
                    Place::Number(_) | Place::Maybe(_) | Place::Clip(_) => "0.5",
                };
                parsed(&format!("{name},{argument}={value}"));
            }
        }
    }

    #[test]
    fn mistakes_are_told() {
        let cases = [
            ("", "'' is no optimizer; there are sgd, adam"),
            ("adma", "did you mean adam?"),
            ("sgd,momentun=0.9", "sgd has no argument 'momentun'; it has learning_rate"),
            ("sgd,momentun=0.9", "did you mean momentum?"),
            ("adam,momentum=0.9", "adam has no argument 'momentum'"),
            ("sgd,lr=fast", "learning_rate is 'fast', but has to be a number from 0 on"),
            ("sgd,lr=-1", "learning_rate is '-1'"),
            ("sgd,lr=nan", "learning_rate is 'nan'"),
            ("sgd,lr", "learning_rate has no value; write learning_rate=VALUE"),
            ("sgd,nesterov=maybe", "nesterov is 'maybe', but has to be true or false"),
            ("sgd,lr=1,learning_rate=2", "learning_rate is given twice"),
            ("sgd,clipnorm=1,clipvalue=1", "clipnorm and clipvalue do not go together"),
            ("sgd,", "sgd has no argument ''"),
            ("sgd,use_ema,ema_momentum=1.5", "ema_momentum is a number from 0 to 1"),
            ("sgd,gradient_accumulation_steps=2.5", "'2.5', but has to be a whole number"),
            ("sgd,gradient_accumulation_steps=1", "gradient_accumulation_steps is a number of batches, 2 at least"),
        ];
        for (text, wanted) in cases {
            let error = text.parse::<OptimizerText>().unwrap_err();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
