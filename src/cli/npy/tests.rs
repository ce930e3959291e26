//! Tests of `.npy` files read.

use super::*;

fn header(text: &str) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

fn source(path: &Path, convert: Option<DType>) -> Source<'_> {
    Source { name: "x", path, convert, wanted: None, ask: None }
}

fn read_bytes(bytes: &[u8], convert: Option<&str>) -> Result<Array, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.npy");
    std::fs::write(&path, bytes).unwrap();
    let convert = convert.map(|word| word.parse().unwrap());
    match read(source(&path, convert)).map_err(|failure| failure.to_string())? {
        Found::Array(array) => Ok(array),
        Found::Records(dtype, ..) => panic!("records of {}", dtype.descr()),
    }
}

fn file(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let mut bytes = header(&format!("{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n"));
    bytes.extend(data);
    bytes
}

#[test]
fn zero_dimensions_and_big_endian_are_read() {
    let array = read_bytes(&file("'<f4'", false, "()", &1.5_f32.to_le_bytes()), None).unwrap();
    assert_eq!(array, Array { shape: vec![], data: Data::F32(vec![1.5]) });
    let array = read_bytes(&file("'>f4'", false, "(1,)", &1.5_f32.to_be_bytes()), None).unwrap();
    assert_eq!(array.data, Data::F32(vec![1.5]));
}

#[test]
fn conversions_happen_when_asked_and_fit() {
    let doubles: Vec<u8> = [1.5_f64, -2.25].iter().flat_map(|x| x.to_le_bytes()).collect();
    let doubles = file("'<f8'", false, "(2,)", &doubles);
    assert_eq!(read_bytes(&doubles, Some("f32")).unwrap().data, Data::F32(vec![1.5, -2.25]));
    assert_eq!(read_bytes(&doubles, Some("i32")).unwrap().data, Data::I32(vec![1, -2]));
    assert!(read_bytes(&doubles, Some("u32")).unwrap_err().contains("element 1 is -2.25"));
    let longs: Vec<u8> = [3_i64, 1 << 31].iter().flat_map(|x| x.to_le_bytes()).collect();
    let longs = file("'<i8'", false, "(2,)", &longs);
    assert_eq!(read_bytes(&longs, Some("u32")).unwrap().data, Data::U32(vec![3, 1 << 31]));
    assert!(read_bytes(&longs, Some("i32")).unwrap_err().contains("which i32 cannot hold"));
    let bools = file("'|b1'", false, "(2,)", &[0, 1]);
    assert_eq!(read_bytes(&bools, Some("u32")).unwrap().data, Data::U32(vec![0, 1]));
    assert_eq!(read_bytes(&doubles, Some("vec2f")).unwrap().shape, [2]);
    assert!(read_bytes(&doubles, Some("vec3f")).unwrap_err().contains("needs a last axis of 3"));
}

#[test]
fn what_wgsl_has_no_type_for_is_refused_with_the_remedy() {
    for (descr, words) in [
        ("'<f8'", ".astype(np.float32)"),
        ("'<i8'", ".astype(np.int32)"),
        ("'|u1'", ".astype(np.uint32)"),
        ("'|b1'", "bool"),
        ("'<c8'", "complex"),
        ("'<U3'", "no number"),
        ("'|O'", "no number"),
    ] {
        let error = read_bytes(&file(descr, false, "(2,)", &[0; 64]), None).unwrap_err();
        assert!(error.contains(words), "{descr}: {error}");
    }
    let error = read_bytes(&file("'<f4'", true, "(2, 2)", &[0; 16]), None).unwrap_err();
    assert!(error.contains("np.ascontiguousarray"), "{error}");
}

#[test]
fn records_come_as_they_are() {
    let bytes: Vec<u8> = (0..24).collect();
    let contents = file("[('a', '<f4'), ('b', '<u2', (2,))]", false, "(3,)", &bytes);
    let path = Path::new("a.npy");
    let Ok(Found::Records(dtype, shape, data)) = read_from(source(path, None), &mut &contents[..]) else {
        panic!("there are records")
    };
    assert_eq!((dtype.num_bytes(), shape, data), (Some(8), vec![3], bytes));
    for (contents, convert, words) in [
        (file("[('a', '<f4')]", false, "(3,)", &[0; 11]), None, "ends early"),
        (file("[('a', '<f4')]", true, "(2, 2)", &[0; 16]), None, "Fortran order"),
        (file("[('a', '|O')]", false, "(2,)", &[0; 16]), None, "no fixed size"),
        (file("[('a', '<f4')]", false, "(2,)", &[0; 8]), Some("f32"), "is not converted"),
    ] {
        let convert = convert.map(|word: &str| word.parse().unwrap());
        let error = read_from(source(path, convert), &mut &contents[..]).err().map(|error| error.to_string());
        assert!(error.as_ref().is_some_and(|error| error.contains(words)), "{words}: {error:?}");
    }
}

#[test]
fn hostile_files_are_errors_and_nothing_else() {
    let nested = format!("{{'descr': {}", "(".repeat(60_000));
    for bytes in [
        vec![],
        b"hello, world, this is no array".to_vec(),
        b"PK\x03\x04aaaaaaaa".to_vec(),
        header("{'descr': '<f4', 'fortran_order': False"),
        header("{'descr': '<f4', 'shape': (1,)}"),
        header(&nested),
        file("'<f4'", false, "(18446744073709551615, 18446744073709551615)", &[]),
        file("'<f4'", false, "(4611686018427387904, 0, 8)", &[]),
        file("'<f4'", false, "(99999999999999999999999,)", &[]),
        file("'<f4'", false, "(1099511627776,)", &[0; 16]),
        file("'<f4'", false, "(-1,)", &[0; 16]),
        file("'<f4'", false, "(4,)", &[0; 15]),
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec(),
        b"\x93NUMPY\x09\x00\x01\x00\x00\x00a".to_vec(),
    ] {
        let error = read_bytes(&bytes, None).unwrap_err();
        assert!(error.contains("not a .npy file that can be read"), "{error}");
    }
}
