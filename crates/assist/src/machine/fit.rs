//! The price of a transfer, in bytes, from transfers and streams that took so long: least squares of relative errors,
//! time = fixed x transfers + factor x bytes.
//!
//! What is seen between two measurements is seen at one speed of the link: transfers there that agree do not make each other
//! surer. However many they are, they count as one observation.

use crate::real::Real;

/// What an observation of full weight leaves of the weight of those before it.
const KEEPS: f64 = 0.99;
/// Transfers completed before the fit is believed.
const TRANSFERS_MIN: f64 = 2.5;
/// A price is believed when it is so many times its own uncertainty.
const SURE: f64 = 8.0;
/// Observations that the two prices themselves use up: with no more than those anything fits.
const PRICES: f64 = 2.0;

/// See the module; the older the less.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Fit {
    closed: Sums,
    /// Since the latest measurement.
    open: Sums,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Sums {
    /// Transfers, each as one, however many count as one observation.
    transfers: Real,
    weight: Real,
    /// Sums of x x, x y, y y, x, y, where x = transfers / time and y = bytes / time.
    products: [Real; 5],
}

impl Sums {
    /// `self` x `keeps` + `new` x `scale`.
    fn add(&mut self, keeps: f64, new: &Self, scale: f64) {
        self.transfers = (self.transfers.get() * keeps + new.transfers.get()).into();
        self.weight = (self.weight.get() * keeps + new.weight.get() * scale).into();
        for (sum, new) in self.products.iter_mut().zip(&new.products) {
            *sum = (sum.get() * keeps + new.get() * scale).into();
        }
    }
}

impl Fit {
    /// So many transfers with so many bytes took `time`, seconds.
    pub(super) fn add(&mut self, transfers: f64, bytes: f64, time: f64, weight: f64) {
        if time <= 0.0 {
            return;
        }
        let (x, y) = (transfers / time, bytes / time);
        let products = [x * x, x * y, y * y, x, y].map(Real::from);
        let one = Sums { transfers: transfers.into(), weight: 1.0.into(), products };
        self.open.add(1.0, &one, weight);
    }

    /// What was added since the latest measurement is one observation now.
    pub(super) fn close(&mut self) {
        let open = std::mem::take(&mut self.open);
        let weight = open.weight.get();
        let scale = 1.0 / weight.max(1.0);
        self.closed.add(1.0 - (1.0 - KEEPS) * weight * scale, &open, scale);
    }

    /// Bytes that a transfer costs besides its own; `None`: what was seen does not tell.
    pub(super) fn fixed(&self) -> Option<f64> {
        let [n, transfers] = [self.closed.weight, self.closed.transfers].map(Real::get);
        let [xx, xy, yy, x, y] = self.closed.products.map(Real::get);
        let determinant = xx * yy - xy * xy;
        if transfers < TRANSFERS_MIN || n <= PRICES || determinant <= 0.0 {
            return None;
        }
        let fixed = (x * yy - y * xy) / determinant;
        let factor = (y * xx - x * xy) / determinant;
        let variance = ((n - fixed * x - factor * y) / (n - PRICES)).max(0.0) / determinant;
        // The price of a byte too: it is divided by, and one that is nearly nothing would make a transfer worth anything.
        let sure = |price: f64, part: f64| price > 0.0 && price * price > SURE * SURE * variance * part;
        (sure(fixed, yy) && sure(factor, xx)).then(|| fixed / factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_of_a_byte_that_is_not_sure_makes_no_transfer_dear() {
        let mut fit = Fit::default();
        // Opening takes all the time, now more and now less; a byte takes hardly any, as far as can be told.
        for n in 0..70u64 {
            let bytes = (1 + n % 7) as f64 * 1e5;
            fit.add(1.0, bytes, 0.01 * (1.0 + (n % 5) as f64 / 20.0) + bytes * 1e-10, 1.0);
            fit.close();
        }
        assert_eq!(fit.fixed(), None);
    }

    #[test]
    fn a_price_is_found_from_a_few_transfers_at_once_if_nothing_contradicts() {
        let mut fit = Fit::default();
        for _ in 0..4 {
            fit.add(1.0, 4e5, 0.001 + 4e5 * 1e-8, 1.0);
        }
        fit.close();
        for _ in 0..6 {
            assert_eq!(fit.fixed(), None, "two prices and no more than two observations");
            fit.add(0.0, 1e7, 0.1, 0.2);
            fit.close();
        }
        assert!(fit.fixed().is_some_and(|fixed| (fixed - 1e5).abs() < 1.0), "{:?}", fit.fixed());
    }

    #[test]
    fn transfers_at_one_speed_say_little_of_a_link_whose_speed_changes() {
        let mut fit = Fit::default();
        // All within one moment at 60 MB/s: they agree, whatever the price is. Opening costs nothing here.
        for bytes in [3.7e5, 3.8e5, 3.8e5, 3.9e5] {
            fit.add(1.0, bytes, bytes / 60e6, 1.0);
        }
        fit.close();
        for speed in [130e6, 110e6, 180e6, 120e6, 140e6, 100e6, 170e6, 130e6] {
            fit.add(0.0, speed * 0.1, 0.1, 0.2);
            fit.close();
            assert_eq!(fit.fixed(), None);
        }
    }
}
