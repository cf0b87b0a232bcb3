//! How ids of streams are spread over a table: a product and a turn, by a factor that the peer, who chooses ids, does not know.

use std::hash::{BuildHasher, Hasher, RandomState};

/// One factor for each table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    factor: u64,
}

impl Default for Spread {
    fn default() -> Self {
        // Odd, so that no two ids have the same product.
        Self { factor: RandomState::new().hash_one(0_u8) | 1 }
    }
}

impl BuildHasher for Spread {
    type Hasher = Product;

    fn build_hasher(&self) -> Product {
        Product { factor: self.factor, hash: 0 }
    }
}

/// The hash of one id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product {
    factor: u64,
    hash: u64,
}

impl Hasher for Product {
    fn finish(&self) -> u64 {
        // Tables look at the lowest bits, which depend on the lowest of an id alone; those in the middle depend on all of them.
        self.hash.rotate_left(32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.hash = (self.hash ^ u64::from(number)).wrapping_mul(self.factor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_spread_whatever_their_steps_are() {
        let spread = Spread::default();
        for step in [1, 2, 1 << 10, 1 << 20] {
            let mut places = [0_u32; 256];
            for id in 0..1024_u32 {
                let hash = spread.hash_one(id.wrapping_mul(step));
                places[usize::try_from(hash & 0xff).unwrap()] += 1;
            }
            let most = places.iter().max().copied().unwrap();
            assert!(most < 128, "{most} of 1,024 in one place of 256, step {step}");
        }
    }
}
