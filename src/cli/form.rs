//! What a file has of a binding's memory.

use std::{borrow::Cow, io};

use npyz::{DType as NpyDType, WriterBuilder};
use swath::Scalar;

use super::{
    dtype::{self, Data, numpy},
    layout::Packing,
    npy::show_shape,
    records::Records,
};

/// How a file and the memory of a binding are made of each other.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// An array of scalars, as they are.
    Plain,
    /// Scalars without the padding.
    Packed(Packing),
    /// Structs, each field by its name.
    Records(Box<Records>),
    /// The bytes, and nothing in front of them.
    Raw,
}

impl Form {
    /// Whether the file has the memory as it is, behind the header.
    pub fn is_memory(&self) -> bool {
        matches!(self, Form::Plain | Form::Raw)
    }

    /// What stands in front of the data of an array of this shape.
    pub fn header(&self, scalar: Scalar, shape: &[u64]) -> io::Result<Vec<u8>> {
        let dtype = match self {
            Form::Raw => return Ok(Vec::new()),
            Form::Records(records) => records.dtype().clone(),
            Form::Plain | Form::Packed(_) => NpyDType::parse(&format!("'{}'", dtype::code(scalar)))?,
        };
        let mut header = Vec::new();
        npyz::WriteOptions::new_header_only().dtype(dtype).shape(shape).writer(&mut header).write_header_only()?;
        Ok(header)
    }

    /// The data of an array of this shape.
    pub fn body<'m>(&self, memory: &'m Data, shape: &[u64]) -> Cow<'m, [u8]> {
        match self {
            Form::Plain | Form::Raw => memory.bytes().into(),
            Form::Packed(packing) => {
                let mut packed = Data::zeros(memory.scalar(), shape.iter().product::<u64>() as usize);
                packing.unpack(memory, &mut packed);
                packed.bytes().to_vec().into()
            }
            Form::Records(records) => records.unpack(memory.bytes()).into(),
        }
    }

    /// What is in the file, in words.
    pub fn describe(&self, memory: &Data, shape: &[u64]) -> String {
        match self {
            Form::Plain | Form::Packed(_) => format!("{} {}", numpy(memory.scalar()), show_shape(shape)),
            Form::Records(records) => records.describe(shape),
            Form::Raw => format!("{} bytes", memory.bytes().len()),
        }
    }
}
