//! Serialises what prints and reads itself as that text, for types of rooms that know no format.

use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};
use std::{fmt::Display, str::FromStr};

pub(crate) fn serialize<S: Serializer>(value: &impl Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

pub(crate) fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    String::deserialize(from)?.parse().map_err(D::Error::custom)
}
