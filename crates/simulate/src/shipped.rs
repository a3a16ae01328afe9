//! The families that ship with the program, so that `simulate` needs no file.

use crate::{Family, SimulateError, family};

/// Name and text of each, the grid first.
const SHIPPED: [(&str, &str); 4] = [
    ("grid", include_str!("../../../profiles/simulate/grid.yaml")),
    ("setup", include_str!("../../../profiles/simulate/setup.yaml")),
    ("network", include_str!("../../../profiles/simulate/network.yaml")),
    ("faults", include_str!("../../../profiles/simulate/faults.yaml")),
];

/// All of them.
///
/// # Errors
/// Never, as a test holds.
pub fn shipped() -> Result<Vec<Family>, SimulateError> {
    SHIPPED
        .iter()
        .map(|(name, text)| {
            family::parse(text).map_err(|why| SimulateError::Family { path: name.into(), why })
        })
        .collect()
}
