//! Which tensor of a layer's group in a legacy `.h5` file is which weight.
//!
//! Such a file lists a layer's tensors by name (`weight_names`), trainable ones first and then the others, *as they were
//! frozen when it was saved*. For a plain layer that is always the order in which the layer created them. For a nested
//! model it is not: what was trainable then need not be now. So names decide first, then the numbers in automatic names
//! (`conv2d_7`, `conv2d_9` stand for the model's `conv2d_1`, `conv2d_3`), and where names say nothing, the orders that
//! freezing none, all or what is frozen now would give; those must agree with what the names and shapes do say, and with
//! each other.

use std::collections::{BTreeMap, HashMap};

/// A weight that wants a tensor.
pub(super) struct Target {
    /// Its path in the model: `base/conv1/kernel`.
    pub(super) path: String,
    /// The path of its layer below the group's layer, empty for the group's layer itself: `conv1`.
    pub(super) owner: String,
    pub(super) role: &'static str,
    pub(super) shape: Vec<usize>,
    /// Whether it is trainable as the model is frozen now.
    pub(super) trainable_now: bool,
    /// Whether it is trainable where nothing is frozen.
    pub(super) trainable_ever: bool,
}

/// A tensor that a file has: its name and shape.
pub(super) struct Written {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
}

/// What the weights of layers are called; other names say nothing.
const ROLES: [&str; 12] = [
    "kernel",
    "bias",
    "gamma",
    "beta",
    "moving_mean",
    "moving_variance",
    "depthwise_kernel",
    "pointwise_kernel",
    "alpha",
    "mean",
    "variance",
    "count",
];

impl Written {
    /// The name without TensorFlow's output number: `conv1/kernel:0` is `conv1/kernel`.
    fn plain(&self) -> &str {
        match self.name.rsplit_once(':') {
            Some((name, number)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => &self.name,
        }
    }

    /// The path of the layer and the name of the weight.
    fn split(&self) -> (&str, &str) {
        self.plain().rsplit_once('/').unwrap_or(("", self.plain()))
    }

    fn role(&self) -> &str {
        self.split().1
    }

    fn owner(&self) -> &str {
        self.split().0
    }

    /// Whether the name could be the target's; a name that is no known one could be any.
    fn allows(&self, target: &Target) -> bool {
        is(self.role(), target.role) || !ROLES.contains(&self.role())
    }
}

/// Keras 2 calls a DepthwiseConv2D's kernel `depthwise_kernel`.
fn is(written: &str, role: &str) -> bool {
    written == role || (written == "depthwise_kernel" && role == "kernel")
}

fn last(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, last)| last)
}

/// For each tensor the index of its target. There must be as many of the one as of the other.
///
/// # Errors
/// With a sentence that says why it is not clear.
pub(super) fn assign(written: &[Written], targets: &[Target]) -> Result<Vec<usize>, String> {
    if let Some(assignment) = by_names(written, targets).or_else(|| by_numbers(written, targets)) {
        return Ok(assignment);
    }
    let orders = [
        order(targets, |target| target.trainable_now),
        order(targets, |target| target.trainable_ever),
        order(targets, |_| false),
    ];
    let mut named: Vec<&Vec<usize>> = orders.iter().filter(|order| names_allow(written, targets, order)).collect();
    named.dedup();
    let fits = |order: &[usize]| written.iter().zip(order).all(|(w, &target)| w.shape == targets[target].shape);
    let fitting: Vec<&Vec<usize>> = named.iter().copied().filter(|order| fits(order)).collect();
    match (fitting.as_slice(), named.as_slice()) {
        // Where none fits by shape, the first one tells best which shapes are wrong.
        ([only], _) | ([], [only, ..]) => Ok((*only).clone()),
        ([], []) => Err(format!(
            "the file's names ({}) contradict the order of the layer's weights ({})",
            some(written.iter().map(|w| w.name.as_str())),
            some(targets.iter().map(|t| t.path.as_str()))
        )),
        _ => Err(format!(
            "the file's names ({}) do not say which weights were trainable when it was saved, and so not which is \
             which; give the layers the names they had then",
            some(written.iter().map(|w| w.name.as_str()))
        )),
    }
}

/// The first few of many names.
pub(super) fn some<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 12;
    let more = names.len() > SHOWN;
    let shown: Vec<&str> = names.take(SHOWN).collect();
    format!("{}{}", shown.join(", "), if more { ", ..." } else { "" })
}

/// Each target that is trainable, then each that is not.
fn order(targets: &[Target], trainable: impl Fn(&Target) -> bool) -> Vec<usize> {
    let all = 0..targets.len();
    let (mut first, second): (Vec<usize>, Vec<usize>) = all.partition(|&index| trainable(&targets[index]));
    first.extend(second);
    first
}

/// Every name is that of exactly one target: its weight's and its layer's, and where several layers share that, the one
/// with which it shares the longest end of its path.
pub(super) fn by_names(written: &[Written], targets: &[Target]) -> Option<Vec<usize>> {
    let mut places: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
    for (index, target) in targets.iter().enumerate() {
        places.entry((last(&target.owner), target.role)).or_default().push(index);
    }
    let plain = targets.iter().all(|target| target.owner.is_empty());
    let mut free = vec![true; targets.len()];
    written
        .iter()
        .map(|w| {
            let owner = if plain { "" } else { last(w.owner()) };
            let role = if w.role() == "depthwise_kernel" && !places.contains_key(&(owner, w.role())) {
                "kernel"
            } else {
                w.role()
            };
            let candidates = places.get(&(owner, role))?;
            let shared = |&index: &usize| common_end(w.owner(), &targets[index].path);
            let best = candidates.iter().map(shared).max()?;
            let mut best = candidates.iter().copied().filter(|index| shared(index) == best);
            let index = best.next().filter(|_| best.next().is_none())?;
            std::mem::take(&mut free[index]).then_some(index)
        })
        .collect()
}

/// How many parts the end of a written owner shares with the owner in a target's path.
fn common_end(owner: &str, path: &str) -> usize {
    let target = path.rsplit_once('/').map_or("", |(owner, _)| owner);
    owner.rsplit('/').zip(target.rsplit('/')).take_while(|(a, b)| a == b).count()
}

/// A layer's automatic name as its class and number: `conv2d` is (`conv2d`, 0).
fn numbered(name: &str) -> (&str, u64) {
    match name.rsplit_once('_').and_then(|(stem, number)| Some((stem, number.parse().ok()?))) {
        Some((stem, number)) => (stem, number),
        None => (name, 0),
    }
}

/// The layers of file and model have the same classes as often, by their automatic names: of each class the lowest
/// number is the lowest, and so on. Automatic names count up over a whole session, in the order of creation.
fn by_numbers(written: &[Written], targets: &[Target]) -> Option<Vec<usize>> {
    type Owners<'a> = BTreeMap<&'a str, BTreeMap<u64, &'a str>>;
    fn owners<'a>(paths: impl Iterator<Item = &'a str>) -> Option<Owners<'a>> {
        let mut owners = Owners::new();
        for path in paths {
            let (stem, number) = numbered(last(path));
            let known = *owners.entry(stem).or_default().entry(number).or_insert(path);
            if known != path {
                return None;
            }
        }
        Some(owners)
    }
    if written.iter().any(|w| w.owner().is_empty()) || targets.iter().any(|t| t.owner.is_empty()) {
        return None;
    }
    let theirs = owners(written.iter().map(Written::owner))?;
    let ours = owners(targets.iter().map(|target| target.owner.as_str()))?;
    let counts = |owners: &Owners<'_>| owners.values().map(BTreeMap::len).collect::<Vec<_>>();
    if !theirs.keys().eq(ours.keys()) || counts(&theirs) != counts(&ours) {
        return None;
    }
    let pairs = theirs.values().zip(ours.values());
    let same: HashMap<&str, &str> = pairs.flat_map(|(a, b)| a.values().copied().zip(b.values().copied())).collect();
    let mut free = vec![true; targets.len()];
    written
        .iter()
        .map(|w| {
            let owner = same.get(w.owner())?;
            let index = targets.iter().position(|t| t.owner == *owner && is(w.role(), t.role))?;
            std::mem::take(&mut free[index]).then_some(index)
        })
        .collect()
}

/// Whether the names agree with an order: no weight under another's name, and one layer under one name.
fn names_allow(written: &[Written], targets: &[Target], order: &[usize]) -> bool {
    let (mut ours, mut theirs) = (HashMap::new(), HashMap::new());
    written.iter().zip(order).all(|(w, &index)| {
        let target = &targets[index];
        let owner = w.owner();
        let one = owner.is_empty()
            || (*ours.entry(owner).or_insert(&target.owner) == &target.owner
                && *theirs.entry(&target.owner).or_insert(owner) == owner);
        w.allows(target) && one
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `conv/kernel+` is trainable now, `conv/kernel-` was before it was frozen, `bn/moving_mean` never is.
    fn targets(list: &[&'static str]) -> Vec<Target> {
        let target = |text: &&'static str| {
            let (name, now) = match text.strip_suffix('+') {
                Some(name) => (name, true),
                None => (text.trim_end_matches('-'), false),
            };
            let (owner, role) = name.rsplit_once('/').unwrap_or(("", name));
            Target {
                path: format!("base/{name}"),
                owner: owner.into(),
                role,
                shape: vec![3],
                trainable_now: now,
                trainable_ever: now || text.ends_with('-'),
            }
        };
        list.iter().map(target).collect()
    }

    fn written(list: &[&str]) -> Vec<Written> {
        list.iter().map(|name| Written { name: (*name).into(), shape: vec![3] }).collect()
    }

    #[test]
    fn table() {
        let plain = ["gamma+", "beta+", "moving_mean", "moving_variance"];
        let base = ["a/kernel+", "b/gamma+", "b/moving_mean", "c/kernel+"];
        let frozen = ["a/kernel-", "b/gamma+", "b/moving_mean", "c/kernel+"];
        let numbers = ["conv2d/kernel+", "conv2d_1/kernel+", "conv2d_2/kernel+"];
        let deep = ["m/conv/kernel+", "n/conv/kernel+"];
        #[rustfmt::skip]
        type Case<'a> = (&'a [&'static str], &'a [&'a str], Option<&'a [usize]>);
        let cases: &[Case<'_>] = &[
            // Keras 3, Keras 2, no path, names that say nothing, names in another order.
            (&plain, &["bn/gamma", "bn/beta", "bn/moving_mean", "bn/moving_variance"], Some(&[0, 1, 2, 3])),
            (
                &plain,
                &["x/bn/gamma:0", "x/bn/beta:0", "x/bn/moving_mean:0", "x/bn/moving_variance:0"],
                Some(&[0, 1, 2, 3]),
            ),
            (&plain, &["gamma", "beta", "moving_mean", "moving_variance"], Some(&[0, 1, 2, 3])),
            (&plain, &["bn_g:0", "bn_b:0", "bn_running_mean:0", "bn_running_std:0"], Some(&[0, 1, 2, 3])),
            (&plain, &["bn/beta", "bn/gamma", "bn/moving_mean", "bn/moving_variance"], Some(&[1, 0, 2, 3])),
            // A known name where another weight stands.
            (&plain, &["bn/kernel", "bn/beta", "bn/moving_mean", "bn/moving_variance"], None),
            (&plain, &["bn/gamma", "bn/gamma", "bn/moving_mean", "bn/moving_variance"], None),
            (&["kernel+", "bias+"], &["dw/depthwise_kernel:0", "dw/bias:0"], Some(&[0, 1])),
            (
                &["depthwise_kernel+", "pointwise_kernel+"],
                &["s/depthwise_kernel:0", "s/pointwise_kernel:0"],
                Some(&[0, 1]),
            ),
            // Nested: nothing frozen, a frozen, all frozen; the model frozen otherwise than the file.
            (&base, &["a/kernel", "b/gamma", "c/kernel", "b/moving_mean"], Some(&[0, 1, 3, 2])),
            (&base, &["base/b/gamma", "base/c/kernel", "base/a/kernel", "base/b/moving_mean"], Some(&[1, 3, 0, 2])),
            (&base, &["a/kernel:0", "b/gamma:0", "b/moving_mean:0", "c/kernel:0"], Some(&[0, 1, 2, 3])),
            (&frozen, &["a/kernel", "b/gamma", "c/kernel", "b/moving_mean"], Some(&[0, 1, 3, 2])),
            // Other names: the order is one that freezing gives, and the only one that the names allow.
            (&base, &["p/kernel", "q/gamma", "r/kernel", "q/moving_mean"], Some(&[0, 1, 3, 2])),
            (&base, &["p/kernel", "q/gamma", "q/moving_mean", "r/kernel"], Some(&[0, 1, 2, 3])),
            (&frozen, &["q/gamma", "r/kernel", "p/kernel", "q/moving_mean"], Some(&[1, 3, 0, 2])),
            (&base, &["p/kernel", "q/gamma", "p/moving_mean", "r/kernel"], None),
            (&base, &["p/moving_mean", "q/gamma", "q/kernel", "r/kernel"], None),
            // Other names that allow two orders.
            (&["a/kernel-", "b/kernel+"], &["p/kernel", "q/kernel"], None),
            (&["a/kernel+", "b/kernel+"], &["p/kernel", "q/kernel"], Some(&[0, 1])),
            // Automatic names of another session, partly frozen when saved.
            (&numbers, &["conv2d_8/kernel:0", "conv2d_9/kernel:0", "conv2d_10/kernel:0"], Some(&[0, 1, 2])),
            (&numbers, &["conv2d_10/kernel", "conv2d_8/kernel", "conv2d_9/kernel"], Some(&[2, 0, 1])),
            // Two nested models with layers of one name.
            (&deep, &["base/n/conv/kernel", "base/m/conv/kernel"], Some(&[1, 0])),
            (&deep, &["conv/kernel", "conv/kernel"], None),
        ];
        for (ours, theirs, wanted) in cases {
            let got = assign(&written(theirs), &targets(ours));
            assert_eq!(got.ok().as_deref(), *wanted, "{theirs:?} for {ours:?}");
        }
    }

    #[test]
    fn shapes_decide_between_orders_that_names_allow() {
        let mut ours = targets(&["a/kernel-", "b/kernel+"]);
        let mut theirs = written(&["p/kernel", "q/kernel"]);
        ours[0].shape = vec![5];
        theirs[0].shape = vec![5];
        assert_eq!(assign(&theirs, &ours), Ok(vec![0, 1]));
        theirs.swap(0, 1);
        assert_eq!(assign(&theirs, &ours), Ok(vec![1, 0]));
    }
}
