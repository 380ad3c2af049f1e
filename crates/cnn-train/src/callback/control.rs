//! How a callback asks the trainer for something.

use std::path::PathBuf;

use crate::metric::Direction;

/// What is saved of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// Its layers and weights.
    Whole,
    /// Its weights.
    WeightsOnly,
}

impl What {
    /// Which names of files go with it, if `name` does not.
    ///
    /// ```
    /// use cnn_train::callback::What;
    /// assert_eq!(What::Whole.misnamed("best.keras"), None);
    /// assert!(What::Whole.misnamed("best.weights.h5").is_some());
    /// ```
    pub fn misnamed(self, name: &str) -> Option<&'static str> {
        let name = name.to_lowercase();
        let weights = name.ends_with(".weights.h5");
        match self {
            Self::Whole if name.ends_with(".keras") || name.ends_with(".h5") && !weights => None,
            Self::Whole => Some("a whole model needs a name that ends in .keras or .h5"),
            Self::WeightsOnly if weights || name.ends_with(".safetensors") => None,
            Self::WeightsOnly => Some("weights alone need a name that ends in .weights.h5 or .safetensors"),
        }
    }
}

/// What the trainer has to do.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Request {
    /// To end the training: after this batch, or the next one where none is under way. The epoch has its validation and its end.
    Stop,
    /// To train with another learning rate from now on.
    SetLearningRate(f64),
    /// To write a file, with the folders above it, over what is there.
    Save {
        /// Where.
        path: PathBuf,
        /// What.
        what: What,
    },
    /// To keep the present weights in memory under a name, in place of those that it keeps there. They belong to a
    /// checkpoint: without them, a training that goes on from it has nothing to restore.
    Remember {
        /// The name.
        slot: String,
    },
    /// To take the weights that are kept under a name for the present ones.
    Restore {
        /// The name.
        slot: String,
    },
}

/// What a callback can ask of the trainer, which fulfils the requests in their order once all callbacks were called.
///
/// ```
/// use cnn_train::callback::{Control, Request};
///
/// let mut control = Control::new(0.1);
/// control.set_learning_rate(0.05);
/// assert_eq!(control.learning_rate(), 0.05);
/// assert_eq!(control.take_requests(), [Request::SetLearningRate(0.05)]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Control {
    learning_rate: f64,
    epochs: Option<usize>,
    directions: Vec<(String, Direction)>,
    requests: Vec<Request>,
    stops: bool,
}

impl Control {
    /// For a trainer whose present learning rate is this.
    pub fn new(learning_rate: f64) -> Self {
        Self { learning_rate, epochs: None, directions: Vec::new(), requests: Vec::new(), stops: false }
    }

    /// Tells callbacks how many epochs the training is for, those before a checkpoint that it goes on from among them.
    pub fn with_epochs(mut self, epochs: usize) -> Self {
        self.epochs = Some(epochs);
        self
    }

    /// How many epochs the training is for, if it does not end before: Keras's `params["epochs"]`. `None` where the trainer
    /// does not say.
    pub fn epochs(&self) -> Option<usize> {
        self.epochs
    }

    /// Tells callbacks whether a metric of that name (without `val_`) is better large or small.
    pub fn with_metric(mut self, name: &str, direction: Direction) -> Self {
        self.directions.push((name.to_owned(), direction));
        self
    }

    /// Whether a metric is better large or small, where the trainer has one of that name.
    pub fn direction(&self, name: &str) -> Option<Direction> {
        self.directions.iter().find(|(metric, _)| metric == name).map(|&(_, direction)| direction)
    }

    /// The learning rate, as the callbacks before have set it.
    pub fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    /// For the trainer: the learning rate of the last step, where a schedule changes it.
    pub fn update_learning_rate(&mut self, learning_rate: f64) {
        self.learning_rate = learning_rate;
    }

    /// Asks for another learning rate.
    pub fn set_learning_rate(&mut self, learning_rate: f64) {
        self.learning_rate = learning_rate;
        self.requests.push(Request::SetLearningRate(learning_rate));
    }

    /// Asks for the end of the training.
    pub fn stop(&mut self) {
        self.stops = true;
        self.requests.push(Request::Stop);
    }

    /// Whether a callback has asked for the end.
    pub fn stops(&self) -> bool {
        self.stops
    }

    /// Asks for a file.
    pub fn save(&mut self, path: impl Into<PathBuf>, what: What) {
        self.requests.push(Request::Save { path: path.into(), what });
    }

    /// Asks to keep the present weights in memory.
    pub fn remember(&mut self, slot: &str) {
        self.requests.push(Request::Remember { slot: slot.to_owned() });
    }

    /// Asks for the weights that were kept.
    pub fn restore(&mut self, slot: &str) {
        self.requests.push(Request::Restore { slot: slot.to_owned() });
    }

    /// For the trainer: what was asked since the last time, in order.
    pub fn take_requests(&mut self) -> Vec<Request> {
        std::mem::take(&mut self.requests)
    }
}
