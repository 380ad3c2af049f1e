//! `.npy`: the files under `vectors/io` were written by NumPy (`vectors/io.py`).

use cnn_core::Tensor;
use cnn_io::npy;

use super::vector;
use crate::damage;

/// What `vectors/io.py` put in: (i - 5) / 4 for floats, i for integers.
fn expected(file: &str) -> Tensor {
    let value: fn(usize) -> f32 = match file {
        "b1" => |i| if i.is_multiple_of(3) { 1.0 } else { 0.0 },
        name if name.starts_with(['i', 'u', 'b']) => |i| i as f32,
        _ => |i| (i as f32 - 5.0) / 4.0,
    };
    Tensor::from_fn(vec![2, 3, 4], value)
}

#[test]
fn every_element_type_order_and_version() {
    let files = [
        "f2_le", "f2_be", "f4_le", "f4_be", "f8_le", "f8_be", "u1", "i1", "u2", "i2", "be_i2", "u4", "i4", "u8", "i8",
        "be_i8", "b1", "fortran", "version2", "version3",
    ];
    for file in files {
        let bytes = vector(&format!("io/{file}.npy"));
        assert_eq!(npy::read(&bytes, file).unwrap(), expected(file), "{file}");
        let (shape, doubles) = npy::read_f64(&bytes, file).unwrap();
        assert_eq!(shape, [2, 3, 4], "{file}");
        let wanted: Vec<f64> = expected(file).data().iter().map(|value| f64::from(*value)).collect();
        assert_eq!(doubles, wanted, "{file}");
    }
}

#[test]
fn odd_shapes() {
    let cases = [
        ("scalar", Tensor::scalar(1.25)),
        ("empty", Tensor::full(vec![0, 3], 0.0)),
        ("vector", Tensor::from_fn(vec![3], |i| i as f32)),
    ];
    for (file, wanted) in cases {
        assert_eq!(npy::read(&vector(&format!("io/{file}.npy")), file).unwrap(), wanted);
    }
}

/// NumPy writes the same bytes for the same array.
#[test]
fn written_as_numpy_writes() {
    for file in ["f4_le", "scalar", "empty", "vector"] {
        let bytes = vector(&format!("io/{file}.npy"));
        assert_eq!(npy::write(&npy::read(&bytes, file).unwrap()), bytes, "{file}");
    }
}

#[test]
fn nan_and_infinity_survive() {
    let x = Tensor::new(vec![4], vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0]).unwrap();
    let y = npy::read(&npy::write(&x), "x").unwrap();
    let bits = |t: &Tensor| t.data().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&x), bits(&y));
}

#[test]
fn what_is_no_array_of_numbers_is_refused_by_name() {
    for (file, says) in [("complex", "<c8"), ("text", "<U1"), ("record", "records")] {
        let error = npy::read(&vector(&format!("io/{file}.npy")), "array.npy").unwrap_err().to_string();
        assert!(error.starts_with("array.npy: ") && error.contains(says) && error.contains("not supported"), "{error}");
    }
}

/// Objects are pickled, so their bytes are of any number.
#[test]
fn labels_as_texts_are_told_how_they_become_numbers() {
    for (descr, size) in [("|O", 17), ("<U8", 64), ("|S3", 6)] {
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (2,)}}");
        let error = npy::read(&with_header(&header, &vec![0; size]), "y").unwrap_err().to_string();
        assert!(
            error.contains("are no numbers") && error.contains("numpy.unique(array, return_inverse=True)"),
            "{error}"
        );
    }
}

/// A header by hand, version 1.
fn with_header(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend_from_slice(&(header.len() as u16).to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

#[test]
fn headers_by_hand() {
    let good = [
        r#"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}"#,
        r#"{"shape":(1L,),"fortran_order":True,"descr":"f4",}"#,
        " {\n'shape' : ( 1 , ) , 'descr' : '|f4', 'fortran_order' :False } \n",
    ];
    for header in good {
        let bytes = with_header(header, &2.5f32.to_le_bytes());
        assert_eq!(npy::read(&bytes, "x").unwrap().data(), [2.5], "{header}");
    }
    let bad = [
        "",
        "{",
        "{}",
        "{'descr': '<f4'}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 'y'}",
        "{'descr': '<f4, 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4294967296)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2305843009213693952,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,)}",
        "{'descr': 'é', 'fortran_order': False, 'shape': (1,)}",
    ];
    for header in bad {
        assert!(npy::read(&with_header(header, &[0; 4]), "x").is_err(), "{header}");
    }
    let many_axes = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({})}}", "1, ".repeat(1000));
    assert!(npy::read(&with_header(&many_axes, &[0; 4]), "x").is_err());
    let endless = b"\x93NUMPY\x02\x00\xff\xff\xff\xff{";
    assert!(npy::read(endless, "x").is_err());
}

#[test]
fn damaged() {
    for file in ["f4_le", "fortran", "version2"] {
        let bytes = vector(&format!("io/{file}.npy"));
        damage::truncated(&bytes, 1, file, |bytes| npy::read(bytes, file));
        let refused = damage::flipped(&bytes, 2000, file, |bytes| npy::read(bytes, file));
        assert!(refused > 200, "{file}: only {refused} of 2000 damaged files were refused");
        damage::followed_by_garbage(&bytes, file, |bytes| npy::read(bytes, file));
    }
}
