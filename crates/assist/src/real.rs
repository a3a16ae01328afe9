//! A number that is kept between events: compared and hashed by its bits, so that a state of the core stays plain data.

use std::fmt;

/// See the module. Never "not a number": what is not finite becomes 0.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Real(u64);

impl Real {
    pub(crate) const fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl From<f64> for Real {
    fn from(value: f64) -> Self {
        // -0.0 and 0.0 are one number.
        Self(if value.is_finite() && value != 0.0 { value.to_bits() } else { 0 })
    }
}

impl fmt::Debug for Real {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.get(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_numbers_have_equal_bits() {
        assert_eq!(Real::from(-0.0), Real::from(0.0));
        assert_eq!(Real::from(f64::NAN), Real::default());
        assert!((Real::from(1.5).get() - 1.5).abs() < f64::EPSILON);
    }
}
