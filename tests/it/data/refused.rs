//! What cannot be used is refused or reported, with its name and what to do about it.

use std::path::Path;

use cnn_core::Tensor;
use cnn_data::{Broken, DataError, Dataset, ImageDirectory, LabelMode, Note, PictureProblem};
use cnn_io::npz::Npz;
use cnn_tests::vectors;

use super::{counted, folder, greys, picture, pixel, pixel_as, relative};
use crate::damage;

fn error(data: Result<Dataset, DataError>, folder: &Path) -> String {
    data.unwrap_err().to_string().replace(&folder.display().to_string(), "F").replace('\\', "/")
}

#[test]
fn folders() {
    let folder = folder([
        ("classes/b/x.png", pixel(1)),
        ("classes/a/x.png", pixel(1)),
        ("classes/다/x.png", pixel(1)),
        ("flat/x.png", pixel(1)),
        ("flat/y.jpg", pixel(1)),
        ("none/a/x.txt", Vec::new()),
        ("none/b/y.webp", Vec::new()),
        ("file.png", pixel(1)),
    ]);
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    let open = |name: &str| ImageDirectory::new(folder.path().join(name));
    let give = "give the folder that holds one folder of pictures for each class";
    let taken = "files ending in .bmp, .gif, .jpeg, .jpg, .png are taken";
    let classes = || open("classes");
    let cases = [
        (open("nowhere"), format!("F/nowhere: is not there; {give}")),
        (open("file.png"), format!("F/file.png: is a file and no folder; {give}")),
        (
            open("flat"),
            "F/flat: holds no folders, whose names would be the classes, but 2 pictures; make a folder".into(),
        ),
        (open("empty"), "F/empty: holds no folders, whose names would be the classes, but 0 pictures".into()),
        (open("empty").label_mode(None), format!("F/empty: there is no picture in it or under it; {taken}")),
        (open("none"), format!("F/none: there is no picture in the folders of its classes, a, b; {taken}")),
        (
            classes().label_mode(LabelMode::Binary),
            "labels of 0 and 1 need exactly two classes, but there are 3: a, b, 다; ask for integer labels".into(),
        ),
        (
            classes().class_names(["a", "cow"]),
            "F/classes: has no folder for class 'cow'; its folders are a, b, 다".into(),
        ),
        (classes().class_names(["a", "a"]), "class_names: 'a' is given twice; give it once".into()),
        (classes().class_names([""; 0]), "class_names: there is none".into()),
        (classes().class_names(["a"]).label_mode(None), "class_names: they name the labels, but no labels".into()),
        (classes().image_size(0, 5), "image_size: 0 x 5 has no pixel; give at least one row".into()),
        (classes().batch_size(0), "batch_size: it is 0; give at least 1".into()),
    ];
    for (directory, says) in cases {
        let error = error(directory.dataset(), folder.path());
        assert!(error.starts_with(&says), "{error:?} does not say {says:?}");
    }
    // One class is enough for labels that are integers, as for Keras.
    assert_eq!(classes().class_names(["다"]).dataset().unwrap().class_names(), ["다"]);
}

/// A folder with sound and broken pictures, and a class without one.
fn mixture() -> tempfile::TempDir {
    let cut = picture("rgb.jpg");
    folder([
        ("개/1.png", pixel(1)),
        ("개/2 끊긴.jpg", cut[..cut.len() / 2].to_vec()),
        ("개/3.png", b"<html>Not found".to_vec()),
        ("개/._4.png", b"\x00\x05\x16\x07\x00\x02\x00\x00".to_vec()),
        ("개/5.png", pixel(5)),
        ("개/6.png", Vec::new()),
        ("개/7.bmp", picture("other.tiff")),
        ("개/8.bmp", pixel_as(8, image::ImageFormat::Bmp)),
        ("개/9.gif", pixel_as(9, image::ImageFormat::Gif)),
        ("개/10.gif", pixel(10)),
        ("고양이/notes.txt", Vec::new()),
        ("고양이/.DS_Store", Vec::new()),
        ("beside.png", pixel(1)),
    ])
}

#[test]
fn broken_pictures_are_refused() {
    let folder = mixture();
    let open = || ImageDirectory::new(folder.path()).in_order().batch_size(1).image_size(1, 1);
    for cache in [false, true] {
        let data = open().cache(cache).dataset().unwrap();
        let found: Vec<String> = data
            .epoch(0)
            .map(|batch| match batch {
                Ok(batch) => batch.x.data()[0].to_string(),
                Err(error) => error.to_string().replace(&folder.path().display().to_string(), "F"),
            })
            .collect();
        let wanted = [
            "F/개/._4.png: is no picture: it is what macOS keeps beside a file, not the file itself; remove it",
            "1",
            "10",
            "F/개/2 끊긴.jpg: is a JPEG file that ends after 484 bytes",
            "F/개/3.png: is no picture: it begins with \"<html>Not fo\"; give a PNG, JPEG, GIF, BMP or WebP file",
            "5",
            "F/개/6.png: is empty; download or copy it again",
            "F/개/7.bmp: is a TIFF picture, which is not read here; convert it to PNG or JPEG",
            "8",
            "9",
        ];
        assert_eq!(found.len(), wanted.len());
        for (found, wanted) in found.iter().zip(wanted) {
            assert!(found.starts_with(wanted), "{found:?} does not say {wanted:?}");
        }
    }
    let whole = open().batch_size(None).dataset().unwrap();
    assert!(matches!(whole.epoch(0).next(), Some(Err(DataError::Picture(error))) if error.file.ends_with("._4.png")));
    std::fs::remove_file(folder.path().join("개/1.png")).unwrap();
    let gone = whole.batch_size(1).unwrap().epoch_from(0, 1).next().unwrap().unwrap_err();
    assert!(matches!(&gone, DataError::Read { path, .. } if path.ends_with("1.png")), "{gone}");
}

#[test]
fn broken_pictures_are_left_out() {
    let folder = mixture();
    for cache in [false, true] {
        let data = ImageDirectory::new(folder.path())
            .in_order()
            .image_size(1, 1)
            .batch_size(2)
            .broken(Broken::LeaveOut)
            .cache(cache)
            .dataset()
            .unwrap();
        assert_eq!(relative(&data, folder.path()), ["개/1.png", "개/10.gif", "개/5.png", "개/8.bmp", "개/9.gif"]);
        assert_eq!((data.class_names(), data.class_counts()), (&["개".into(), "고양이".into()][..], vec![5, 0]));
        assert_eq!((data.len(), data.batches(), data.epoch(0).filter(Result::is_ok).count()), (5, 3, 3));
        let notes: Vec<String> = data
            .notes()
            .iter()
            .map(|note| note.to_string().replace(&folder.path().display().to_string(), "F").replace('\\', "/"))
            .collect();
        let says = [
            "F/beside.png: passed over",
            "F/고양이/notes.txt: passed over",
            "class '고양이' has no picture; it stays a class",
            "left out: F/개/._4.png: ",
            "left out: F/개/2 끊긴.jpg: ",
            "left out: F/개/3.png: ",
            "left out: F/개/6.png: ",
            "left out: F/개/7.bmp: is a TIFF picture",
        ];
        assert_eq!(notes.len(), says.len(), "{notes:?}");
        assert!(notes.iter().zip(says).all(|(note, says)| note.starts_with(says)), "{notes:?}");
    }
    // Nothing is left.
    for files in [["a/x.png", "b/y.png"], ["a/x.gif", "b/y.bmp"]] {
        let folder = super::folder(files.map(|name| (name, b"no".to_vec())));
        let data = ImageDirectory::new(folder.path()).broken(Broken::LeaveOut).dataset();
        assert!(
            matches!(data, Err(DataError::Picture(error)) if matches!(error.problem, PictureProblem::NotAPicture { .. }))
        );
    }
}

#[test]
fn notes_of_a_sound_folder() {
    let (_folder, greys) = greys(4);
    assert_eq!(greys.dataset().unwrap().notes(), []);
    let folder = folder([("a/x.png", pixel(1)), ("b/y.webp", Vec::new())]);
    let data = ImageDirectory::new(folder.path()).dataset().unwrap();
    let passed = folder.path().join("b").join("y.webp");
    assert_eq!(data.notes(), [Note::PassedOver(passed), Note::EmptyClass("b".into())]);
}

/// A link to a folder above it would never end.
#[cfg(unix)]
#[test]
fn links_in_a_circle() {
    let folder = folder([("a/x.png", pixel(1)), ("b/y.png", pixel(1))]);
    std::os::unix::fs::symlink(folder.path().join("a"), folder.path().join("a/again")).unwrap();
    let open = ImageDirectory::new(folder.path());
    assert_eq!(open.dataset().unwrap().len(), 2);
    let says = "F/a/again: cannot be read: it is a link to F/a above it; follow no links";
    assert_eq!(error(open.follow_links(true).dataset(), folder.path()), says);
}

#[test]
fn arrays() {
    let x = |count: usize| Tensor::full(vec![count, 2], 1.0);
    let row = |values: &[f32]| Tensor::new(vec![values.len()], values.to_vec()).unwrap();
    let names = ["a", "b", "c"];
    let classes = |labels: &[f32]| Dataset::from_classes(x(3), &row(labels), LabelMode::Int, names);
    let mut broken = x(3);
    broken.data_mut()[3] = f32::NAN;
    broken.data_mut()[4] = f32::INFINITY;
    let binary = |names: &[&str]| Dataset::from_classes(x(1), &row(&[0.0]), LabelMode::Binary, names.to_vec());
    let weights = |values: &[f32]| counted(3).sample_weights(&row(values));
    let range = "is no class: with 3 classes, labels are the integers 0 to 2";
    let cases = [
        (classes(&[0.0, 1.0]), "labels has 2 entries, but there are 3 samples; they belong together".to_owned()),
        (classes(&[0.0, 1.5, 1.0]), format!("label 1.5 of sample 1 {range}")),
        (classes(&[0.0, 1.0, 3.0]), format!("label 3 of sample 2 {range}")),
        (classes(&[-1.0, 1.0, 2.0]), format!("label -1 of sample 0 {range}")),
        (classes(&[0.0, 1e30, 2.0]), format!("label {} of sample 1 {range}", 1e30f32)),
        (classes(&[0.0, 1.0, f32::NAN]), "labels: 1 values are NaN or infinite, the first in sample 2".into()),
        (Dataset::from_arrays(broken.clone(), None), "x: 2 values are NaN or infinite, the first in sample 1".into()),
        (Dataset::from_arrays(x(3), Some(broken)), "y: 2 values are NaN or infinite, the first in sample 1".into()),
        (Dataset::from_arrays(x(3), Some(x(4))), "y has 4 entries, but there are 3 samples".into()),
        (Dataset::from_arrays(x(3), Some(Tensor::scalar(1.0))), "y has 0 entries, but there are 3".into()),
        (Dataset::from_arrays(x(0), None), "x: holds no sample; give at least one".into()),
        (Dataset::from_arrays(Tensor::scalar(1.0), None), "x: expects samples along its first axis".into()),
        (Dataset::from_classes(x(3), &x(3), LabelMode::Int, names), "labels: expects [N] or [N, 1], got [3, 2]".into()),
        (binary(&names), "labels of 0 and 1 need exactly two classes, but there are 3: a, b, c".into()),
        (binary(&["a"]), "labels of 0 and 1 need exactly two classes, but there are 1: a".into()),
        (binary(&[]), "class_names: there is none; give one for each class".into()),
        (weights(&[1.0]), "weights has 1 entries, but there are 3 samples".into()),
        (weights(&[1.0, f32::NAN, 1.0]), "weights: 1 values are NaN or infinite, the first in sample 1".into()),
        (counted(3).sample_weights(&x(3)), "weights: expects [N], got [3, 2]".into()),
    ];
    for (data, says) in cases {
        let error = data.unwrap_err().to_string();
        assert!(error.starts_with(&says), "{error:?} does not say {says:?}");
    }
    // Shapes without elements.
    assert!(Dataset::from_arrays(Tensor::new(vec![2, 0], Vec::new()).unwrap(), None).is_ok());
}

#[test]
fn archives() {
    let bytes = vectors::bytes("data/named.npz");
    let mut named = Npz::open(&bytes, "named.npz").unwrap();
    let says = |error: cnn_io::IoError| error.to_string();
    assert_eq!(
        says(named.training().unwrap_err()),
        "named.npz: has no arrays x_train and y_train, or x and y; its arrays are pictures, classes; save them under these names"
    );
    assert!(says(named.test().unwrap_err()).starts_with("named.npz: has no array x_test; its arrays are pictures"));
    for bytes in [&b""[..], b"PK\x03\x04", b"\x93NUMPY"] {
        let error = says(Npz::open(bytes, "x.npz").unwrap_err());
        assert!(error.starts_with("x.npz: is not a whole .npz file: "), "{error}");
    }
}

#[test]
fn damaged_archives() {
    for name in ["mnist.npz", "plain.npz"] {
        let bytes = vectors::bytes(&format!("data/{name}"));
        let read = |bytes: &[u8]| Npz::open(bytes, name).and_then(|mut npz| npz.training());
        damage::truncated(&bytes, 1, name, read);
        let refused = damage::flipped(&bytes, 1000, name, read);
        assert!(refused > 300, "{name}: only {refused} of 1000 damaged files were refused");
        damage::followed_by_garbage(&bytes, name, read);
    }
}
