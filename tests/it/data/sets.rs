//! Data sets: orders, batches, parts, functions mapped, and reading ahead.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cnn_core::Tensor;
use cnn_data::{Batch, Channels, DataError, Dataset, Example, LabelMode, flip_left_right};
use cnn_io::npz::Npz;
use cnn_tests::vectors;
use proptest::prelude::*;

use super::{counted, folder, greys, picture, relative, values};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// An epoch's order has each sample once, and depends on seed and epoch alone.
    #[test]
    fn orders(count in 1..200usize, seed: u64, epoch: u64, size in 1..70usize) {
        let data = counted(count).shuffle(seed);
        let order = data.order(epoch);
        prop_assert_eq!(order.iter().collect::<HashSet<_>>().len(), count);
        prop_assert!(order.iter().all(|sample| *sample < count));
        prop_assert_eq!(&data.clone().batch_size(size).unwrap().drop_remainder(true).prefetch(3).order(epoch), &order);
        if count > 20 {
            prop_assert_ne!(&data.order(epoch.wrapping_add(1)), &order);
            prop_assert_ne!(&data.clone().shuffle(seed.wrapping_add(1)).order(epoch), &order);
        }
        let flat = values(&data.batch_size(size).unwrap(), epoch).concat();
        prop_assert_eq!(flat, order.iter().map(|sample| *sample as f32).collect::<Vec<_>>());
    }

    /// From any batch on, with threads or without, an epoch is the rest of the same epoch.
    #[test]
    fn going_on(count in 1..60usize, size in 1..20usize, first in 0..70usize, ahead in 0..4usize, drop: bool) {
        let data = counted(count).shuffle(3).batch_size(size).unwrap().drop_remainder(drop);
        let all = values(&data, 5);
        prop_assert_eq!(all.len(), data.batches());
        prop_assert_eq!(all.concat().len(), if drop { count / size * size } else { count });
        let batches = data.prefetch(ahead).epoch_from(5, first);
        prop_assert_eq!(batches.len(), all.len().saturating_sub(first));
        let rest: Vec<_> = batches.map(|batch| batch.unwrap().x.into_data()).collect();
        prop_assert_eq!(rest, all.into_iter().skip(first).collect::<Vec<_>>());
    }
}

/// Every order of four is about as frequent as any other: 240 of 5760 each, with a standard deviation of 15.
#[test]
fn orders_are_fair() {
    let mut counts = std::collections::HashMap::new();
    let data = counted(4);
    for epoch in 0..5760 {
        *counts.entry(data.order(epoch)).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 24);
    assert!(counts.values().all(|count| (165..=315).contains(count)), "{counts:?}");
}

/// The stream is a promise: training that was begun with an older version goes on in the same order. Fisher and Yates
/// by ChaCha8, whose key is (7, 1, 2, 0) in words of 64 bits: the seed, "an epoch", its number.
#[test]
fn orders_are_the_documented_ones() {
    let mut key = [0u32; 8];
    (key[0], key[2], key[4]) = (7, 1, 2);
    let words: Vec<u64> = (0..3).flat_map(|block| chacha8(key, block)).collect();
    let mut order: Vec<usize> = (0..20).collect();
    for (last, word) in (1..20).rev().zip(words) {
        order.swap(last, ((u128::from(word) * (last as u128 + 1)) >> 64) as usize);
    }
    assert_eq!(counted(20).shuffle(7).order(2), order);
}

/// Bernstein's ChaCha with 8 rounds, a counter of 64 bits and a nonce of zero.
fn chacha8(key: [u32; 8], block: u64) -> [u64; 8] {
    let mut start = [0u32; 16];
    start[..4].copy_from_slice(&[0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574]);
    start[4..12].copy_from_slice(&key);
    (start[12], start[13]) = (block as u32, (block >> 32) as u32);
    let mut state = start;
    let mut quarter = |a: usize, b: usize, c: usize, d: usize| {
        for (add, to, turn) in [((a, b), d, 16), ((c, d), b, 12), ((a, b), d, 8), ((c, d), b, 7)] {
            state[add.0] = state[add.0].wrapping_add(state[add.1]);
            state[to] = (state[to] ^ state[add.0]).rotate_left(turn);
        }
    };
    for _ in 0..4 {
        (0..4).for_each(|i| quarter(i, 4 + i, 8 + i, 12 + i));
        (0..4).for_each(|i| quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4));
    }
    let word = |i: usize| u64::from(state[i].wrapping_add(start[i]));
    std::array::from_fn(|i| word(2 * i) | word(2 * i + 1) << 32)
}

#[test]
fn parts() {
    let data = counted(10).in_order().batch_size(None).unwrap();
    assert_eq!(values(&data.take(3), 0), [[0.0, 1.0, 2.0]]);
    assert_eq!(values(&data.skip(8), 0), [[8.0, 9.0]]);
    assert_eq!((data.take(30).len(), data.skip(30).len(), data.skip(30).is_empty()), (10, 0, true));
    assert_eq!(data.skip(30).epoch(0).count(), 0);
    let (training, validation) = data.shuffle(1).split(0.39).unwrap();
    assert_eq!(values(&validation, 4), [[7.0, 8.0, 9.0]]);
    assert_eq!(training.order(4).iter().max(), Some(&6));
    for (fraction, says) in [
        (0.05, "0.05 of 10 samples leaves 0 samples for validation; give more samples or another fraction"),
        (1.0, "split: fraction 1 is not above 0 and below 1"),
        (f64::NAN, "split: fraction NaN"),
    ] {
        assert!(counted(10).split(fraction).unwrap_err().to_string().contains(says), "{fraction}");
    }
    let error = counted(10).batch_size(0).unwrap_err().to_string();
    assert_eq!(error, "batch_size: it is 0; give at least 1, or None for all samples at once");
}

#[test]
fn labels_and_weights_of_arrays() {
    let x = Tensor::from_fn(vec![3, 2, 2, 1], |i| i as f32);
    let labels = Tensor::new(vec![3, 1], vec![1.0, 0.0, 1.0]).unwrap();
    let modes: [(LabelMode, &[usize], &[f32]); 3] = [
        (LabelMode::Int, &[3], &[1.0, 0.0, 1.0]),
        (LabelMode::Binary, &[3, 1], &[1.0, 0.0, 1.0]),
        (LabelMode::Categorical, &[3, 2], &[0.0, 1.0, 1.0, 0.0, 0.0, 1.0]),
    ];
    for (mode, shape, wanted) in modes {
        let data = Dataset::from_classes(x.clone(), &labels, mode, ["no", "yes"]).unwrap().in_order();
        assert_eq!((data.class_counts(), data.class_names()), (vec![1, 2], &["no".to_owned(), "yes".to_owned()][..]));
        let weights = Tensor::new(vec![3], vec![0.5, 1.0, 2.0]).unwrap();
        let batch = data.sample_weights(&weights).unwrap().skip(1).epoch(0).next().unwrap().unwrap();
        let skipped = shape.iter().skip(1).product::<usize>();
        assert_eq!((batch.x.shape(), batch.samples), (&[2, 2, 2, 1][..], vec![1, 2]));
        assert_eq!(batch.weights.unwrap().data(), [1.0, 2.0]);
        let y = batch.y.unwrap();
        assert_eq!((y.shape(), y.data()), (&[&[2], &shape[1..]].concat()[..], &wanted[skipped..]));
    }
}

/// Classes that are written or numbered anew are so in every part and order, and no map.
#[test]
fn classes_in_other_words() {
    let x = Tensor::from_fn(vec![4, 1], |i| i as f32);
    let labels = Tensor::new(vec![4], vec![1.0, 0.0, 1.0, 1.0]).unwrap();
    let data = Dataset::from_classes(x.clone(), &labels, LabelMode::Int, ["no", "yes"]).unwrap().in_order().skip(1);
    let y = |data: Dataset| {
        let batch = data.epoch(0).next().unwrap().unwrap();
        assert_eq!((batch.x.data(), batch.samples), (&[1.0, 2.0, 3.0][..], vec![1, 2, 3]));
        assert!(!data.is_mapped());
        let y = batch.y.unwrap();
        (y.shape().to_vec(), y.into_data())
    };
    let one_hot = data.clone().label_mode(LabelMode::Categorical).unwrap();
    assert_eq!(y(one_hot.clone()), (vec![3, 2], vec![1.0, 0.0, 0.0, 1.0, 0.0, 1.0]));
    assert_eq!(y(one_hot.label_mode(LabelMode::Binary).unwrap()), (vec![3, 1], vec![0.0, 1.0, 1.0]));
    let named = data.clone().with_classes(["yes", "perhaps", "no"], LabelMode::Int).unwrap();
    assert_eq!((y(named.clone()), named.class_counts()), ((vec![3], vec![2.0, 0.0, 0.0]), vec![2, 0, 1]));
    assert_eq!(y(named.clone().cache().label_mode(LabelMode::Categorical).unwrap()).0, [3, 3]);
    for (refused, wanted) in [
        (named.label_mode(LabelMode::Binary), "perhaps"),
        (data.with_classes(["no", "perhaps"], LabelMode::Int), "there is no 'yes', which samples have; add it"),
        (Dataset::from_arrays(x, None).unwrap().label_mode(LabelMode::Int), "the samples have no classes"),
    ] {
        let error = refused.unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn archives() {
    let bytes = vectors::bytes("data/mnist.npz");
    let mut mnist = Npz::open(&bytes, "mnist.npz").unwrap();
    let (x, y) = mnist.training().unwrap();
    assert_eq!((x.shape(), y.data()), (&[6, 4, 4][..], &[0.0, 2.0, 1.0, 1.0, 0.0, 2.0][..]));
    assert_eq!(x.data(), (0..96).map(|i| 2.0 * i as f32).collect::<Vec<_>>());
    let (x_test, y_test) = mnist.test().unwrap();
    assert_eq!(
        (x_test.shape(), y_test.data(), &x_test.data()[..4]),
        (&[2, 4, 4][..], &[0.0, 2.0][..], &x.data()[12..16])
    );
    let data = Dataset::from_classes(x.clone(), &y, LabelMode::Int, ["a", "b", "c"]).unwrap();
    assert_eq!(data.class_counts(), [2, 2, 2]);

    let bytes = vectors::bytes("data/plain.npz");
    let (quarter, y) = Npz::open(&bytes, "plain.npz").unwrap().training().unwrap();
    assert_eq!((quarter.shape(), y.shape(), quarter.data()[3]), (&[6, 4, 4, 1][..], &[6, 1][..], 1.5));

    let bytes = vectors::bytes("data/named.npz");
    let mut named = Npz::open(&bytes, "named.npz").unwrap();
    assert_eq!(named.names(), ["pictures", "classes"]);
    assert_eq!(named.read("pictures").unwrap(), x);
}

/// Functions are applied one after the other, to a picture and then to the batch, and each has its own random numbers,
/// which are the same wherever an epoch is begun.
#[test]
fn mapped() {
    let random = |salt: f32| {
        move |sample: Example, random: u64| -> Result<Example, DataError> {
            let x = Tensor::new(vec![2], vec![sample.x.data()[0] + salt, (random >> 40) as f32])?;
            Ok(Example { x, ..sample })
        }
    };
    let once = counted(8).batch_size(2).unwrap().map(random(100.0));
    let whole = values(&once, 1);
    let numbers: HashSet<u32> = whole.concat().chunks(2).map(|pair| pair[1] as u32).collect();
    assert_eq!((numbers.len(), whole.concat().chunks(2).all(|pair| pair[0] >= 100.0)), (8, true));
    assert_eq!(values(&once, 1), whole);
    let resumed: Vec<_> = once.prefetch(2).epoch_from(1, 2).map(|batch| batch.unwrap().x.into_data()).collect();
    assert_eq!(resumed, whole[2..]);
    let of = |data: &Dataset| data.clone().in_order().epoch(1).next().unwrap().unwrap().x.into_data();
    assert_ne!(of(&counted(1).map(random(0.0)).map(random(0.0)))[1], of(&counted(1).map(random(0.0)))[1]);

    let double = |batch: Batch, _| -> Result<Batch, DataError> {
        Ok(Batch { x: Tensor::from_fn(batch.x.shape().to_vec(), |i| 2.0 * batch.x.data()[i]), ..batch })
    };
    assert_eq!(values(&counted(3).in_order().map_batches(double).map_batches(double), 0), [[0.0, 4.0, 8.0]]);
    let mirrored = Dataset::from_arrays(Tensor::new(vec![1, 1, 2, 1], vec![1.0, 2.0]).unwrap(), None).unwrap();
    let mirrored = mirrored.map(|sample, _| Ok(Example { x: flip_left_right(&sample.x)?, ..sample }));
    assert_eq!(values(&mirrored, 0), [[2.0, 1.0]]);
}

/// The same pictures in the same order however many batches are read ahead, and each read once where they are kept.
#[test]
fn folders_ahead() {
    let (folder, greys) = greys(50);
    let data = greys.clone().batch_size(7).dataset().unwrap();
    let now = values(&data.clone().prefetch(0), 3);
    assert_eq!(now.concat(), data.order(3).iter().map(|sample| grey_of(&data, *sample)).collect::<Vec<_>>());
    for ahead in [1, 2, 100] {
        assert_eq!(values(&data.clone().prefetch(ahead), 3), now);
    }
    let (training, validation) = data.split(0.2).unwrap();
    assert_eq!((training.len(), validation.len()), (40, 10));
    let parts = [relative(&training, folder.path()), relative(&validation, folder.path())].concat();
    assert_eq!(parts.iter().collect::<HashSet<_>>().len(), 50);
    // Shuffled before it was divided: both classes are in the smaller part.
    assert!(validation.class_counts().iter().all(|count| *count > 0));
    assert_eq!(relative(&greys.clone().dataset().unwrap(), folder.path()), parts);
    assert_ne!(relative(&greys.clone().seed(1).dataset().unwrap(), folder.path()), parts);

    let kept = greys.cache(true).batch_size(7).dataset().unwrap();
    let first = values(&kept, 3);
    drop(folder);
    assert_eq!((values(&kept, 3), first), (now.clone(), now));
}

fn grey_of(data: &Dataset, sample: usize) -> f32 {
    data.file(sample).unwrap().file_stem().unwrap().to_str().unwrap().parse().unwrap()
}

/// Memory stays flat: of 1000 samples no more are read than the window, what is being assembled and what waits.
#[test]
fn no_further_ahead() {
    let read = Arc::new(AtomicUsize::new(0));
    let counter = read.clone();
    let data = counted(1000).batch_size(10).unwrap().prefetch(2).map(move |sample, _| {
        counter.fetch_add(1, Ordering::SeqCst);
        Ok(sample)
    });
    let mut batches = data.epoch(0);
    batches.next().unwrap().unwrap();
    // Until nothing more happens.
    let mut before = 0;
    while before != read.load(Ordering::SeqCst) {
        before = read.load(Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(100));
    }
    let threads = std::thread::available_parallelism().unwrap().get();
    let most = 10 + 10 + 20.max(threads);
    assert!(before <= most, "{before} were read, {most} at most should be");
    drop(batches);
    assert!(read.load(Ordering::SeqCst) <= before + threads);
}

/// Dropped early, every thread has ended: what they hold is free again.
#[test]
fn dropped_early() {
    let held = Arc::new(());
    let inside = held.clone();
    let data = counted(1000).batch_size(3).unwrap().prefetch(4).map(move |sample, _| {
        let _ = &inside;
        std::thread::sleep(Duration::from_millis(1));
        Ok(sample)
    });
    let start = Instant::now();
    let mut batches = data.epoch(0);
    batches.next().unwrap().unwrap();
    drop((batches, data));
    assert_eq!(Arc::strong_count(&held), 1);
    assert!(start.elapsed() < Duration::from_millis(900), "it read all");
    // Not one batch taken.
    drop(counted(10).prefetch(2).epoch(0));
}

/// Batches that are given back are written over, in later epochs too: with the values that they have without it, and in the memory
/// that those in use at the same time took, whichever are given back first.
#[test]
fn buffers_are_reused() {
    let x = Tensor::from_fn(vec![50, 3], |i| i as f32);
    let y = Tensor::from_fn(vec![50, 2], |i| -(i as f32));
    let data = Dataset::from_arrays(x, Some(y)).unwrap().shuffle(3).batch_size(8).unwrap();
    // Batches ahead, and those of them that were taken and not given back: of two epochs where it is more than one.
    for (ahead, in_use) in [(0, 1), (0, 2), (0, 3), (2, 1), (2, 3)] {
        let data = data.clone().prefetch(ahead);
        let reusing = data.clone().reuse_buffers();
        let (mut places, mut taken, mut others) = (HashSet::new(), VecDeque::new(), Vec::new());
        // The first of all is the last of an epoch, which is not full.
        for (epoch, first) in (0..20).map(|epoch| (epoch, if epoch == 0 { 6 } else { 0 })) {
            let mut batches = reusing.clone().epoch_from(epoch, first);
            for wanted in data.epoch_from(epoch, first) {
                let batch = batches.next().unwrap().unwrap();
                assert_eq!(batch, wanted.unwrap(), "{ahead} ahead, epoch {epoch}");
                places.extend([batch.x.data().as_ptr(), batch.y.as_ref().unwrap().data().as_ptr()]);
                taken.push_back(batch);
                if taken.len() == in_use {
                    batches.give_back(taken.pop_front().unwrap());
                }
                // They would lie where one that was freed lay.
                others.extend([vec![0.0_f32; 8 * 3], vec![0.0; 8 * 2]]);
            }
        }
        // One more is in the making and one ready, of two tensors each.
        let most = 2 * (in_use + if ahead == 0 { 0 } else { 2 });
        assert!(places.len() <= most, "{ahead} ahead, {in_use} in use: {} places", places.len());
    }
}

/// Errors come in their places, and what stands behind them can still be had.
#[test]
fn errors_in_order() {
    let refuse = |sample: Example, _| match sample.x.data()[0] as usize {
        3 | 7 => Err(DataError::function(format!("no {}", sample.x.data()[0]))),
        // Later samples are done before earlier ones.
        i => {
            std::thread::sleep(Duration::from_millis(20 / (i as u64 + 1)));
            Ok(sample)
        }
    };
    for ahead in [0, 3] {
        let data = counted(10).in_order().batch_size(2).unwrap().prefetch(ahead).map(refuse);
        let found: Vec<_> = data.epoch(0).map(|batch| batch.map(|batch| batch.x.into_data())).collect();
        let no = |i: usize| Err(DataError::Function(format!("no {i}")));
        assert_eq!(found, [Ok(vec![0.0, 1.0]), no(3), Ok(vec![4.0, 5.0]), no(7), Ok(vec![8.0, 9.0])]);
    }
    let uneven = counted(4).in_order().map(|sample, _| {
        let size = sample.x.data()[0] as usize / 3 + 1;
        Ok(Example { x: Tensor::full(vec![size], 0.0), ..sample })
    });
    let error = uneven.epoch(0).next().unwrap().unwrap_err().to_string();
    assert!(error.starts_with("sample 3 of the data set has shape [2], but the first of its batch has [1]"), "{error}");
}

/// A caller's function that panics does so where the batch is asked for, and hangs nobody.
#[test]
fn panics_are_passed_on() {
    for (ahead, on_batch) in [(0, false), (2, false), (2, true)] {
        let data = counted(10).in_order().batch_size(2).unwrap().prefetch(ahead);
        let data = match on_batch {
            false => data.map(|sample, _| if sample.x.data()[0] == 5.0 { panic!("five") } else { Ok(sample) }),
            true => data.map_batches(|batch, _| if batch.x.data()[0] == 4.0 { panic!("five") } else { Ok(batch) }),
        };
        let mut batches = data.epoch(0);
        assert!(batches.next().unwrap().is_ok() && batches.next().unwrap().is_ok());
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| batches.next())).unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"five"));
    }
}

#[test]
fn mixed_sizes_become_one() {
    let files =
        [("c/rgb.png", picture("rgb.png")), ("c/one.png", super::pixel(9)), ("c/turned6.jpg", picture("turned6.jpg"))];
    let folder = folder(files);
    for fit in [cnn_data::Fit::Stretch, cnn_data::Fit::Crop, cnn_data::Fit::Pad] {
        let data = cnn_data::ImageDirectory::new(folder.path()).image_size(8, 6).fit(fit).color_mode(Channels::Rgba);
        let batch = data.dataset().unwrap().epoch(0).next().unwrap().unwrap();
        assert_eq!(batch.x.shape(), [3, 8, 6, 4]);
    }
}
