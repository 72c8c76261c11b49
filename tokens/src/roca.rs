//! Recognises RSA keys of generators with the ROCA defect (CVE-2017-15361), whose private keys can be computed from the
//! public ones. Source: Nemec, Sys, Svenda, Klinec, Matyas, "The Return of Coppersmith's Attack", ACM CCS 2017,
//! sections 2.1 and 2.3: both primes of such a key are congruent to powers of 65537 modulo M, a product of the first
//! primes, and so is the modulus.

/// The base of the powers.
const GENERATOR: u32 = 65_537;
/// The odd primes that M has for every key size (39 primes with 2, for keys from 512 bits on).
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// The solutions of a discrete logarithm modulo one prime: all numbers that are `log` modulo `order`.
#[derive(Clone, Copy)]
struct Exponents {
    log: u32,
    order: u32,
}

/// Returns true if the modulus, big-endian, has the fingerprint. Another key has it with a probability below 2^-27 for
/// the logarithms to exist for each prime, and far less for them to agree.
#[must_use]
pub fn has_roca_fingerprint(modulus: &[u8]) -> bool {
    let mut all: Vec<Exponents> = Vec::with_capacity(PRIMES.len());
    for prime in PRIMES {
        let Some(exponents) = logarithm(remainder(modulus, prime), prime) else {
            return false;
        };
        // One exponent exists modulo M if the solutions for its primes agree pairwise (Chinese remainder theorem).
        if !all.iter().all(|other| agree(*other, exponents)) {
            return false;
        }
        all.push(exponents);
    }
    true
}

fn remainder(number: &[u8], divisor: u32) -> u32 {
    number
        .iter()
        .fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % divisor)
}

/// Returns the exponents of the generator that give `power` modulo a prime; none if there is none.
fn logarithm(power: u32, prime: u32) -> Option<Exponents> {
    let (mut value, mut order, mut log) = (1, 0, None);
    // The powers repeat from the first exponent on whose power is 1 again.
    loop {
        if value == power {
            log = Some(order);
        }
        value = value * (GENERATOR % prime) % prime;
        order += 1;
        if value == 1 {
            break;
        }
    }
    log.map(|log| Exponents { log, order })
}

fn agree(one: Exponents, other: Exponents) -> bool {
    one.log
        .abs_diff(other.log)
        .is_multiple_of(gcd(one.order, other.order))
}

fn gcd(a: u32, b: u32) -> u32 {
    match b {
        0 => a,
        b => gcd(b, a % b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the product of two numbers, little-endian.
    fn product(a: &[u8], b: &[u8]) -> Vec<u8> {
        let mut result = vec![0_u8; a.len() + b.len()];
        for (i, x) in a.iter().enumerate() {
            let mut carry = 0;
            for (j, y) in b.iter().chain(&[0]).enumerate() {
                let Some(digit) = result.get_mut(i + j) else {
                    continue;
                };
                let sum = u32::from(*digit) + u32::from(*x) * u32::from(*y) + carry;
                *digit = sum.to_le_bytes()[0];
                carry = sum >> 8;
            }
        }
        result
    }

    fn sum(a: &[u8], b: &[u8]) -> Vec<u8> {
        let mut carry = 0;
        let digits = (0..a.len().max(b.len()) + 1).map(|at| {
            let digit = |number: &[u8]| u32::from(number.get(at).copied().unwrap_or_default());
            let sum = digit(a) + digit(b) + carry;
            carry = sum >> 8;
            sum.to_le_bytes()[0]
        });
        digits.collect()
    }

    fn power(exponent: u32) -> Vec<u8> {
        (0..exponent).fold(vec![1], |power, _| product(&power, &GENERATOR.to_le_bytes()))
    }

    /// Returns a factor of the vulnerable form `k * M + 65537^exponent`, where M has the primes below 702, as for keys of
    /// 2,048 bits.
    fn factor(k: u64, exponent: u32) -> Vec<u8> {
        let is_prime = |n: &u32| (2..*n).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
        let primes = (2..702_u32).filter(is_prime);
        let multiple = primes.fold(k.to_le_bytes().to_vec(), |product_so_far, prime| {
            product(&product_so_far, &prime.to_le_bytes())
        });
        sum(&multiple, &power(exponent))
    }

    fn big_endian(mut number: Vec<u8>) -> Vec<u8> {
        number.reverse();
        number
    }

    #[test]
    fn vulnerable_moduli_have_the_fingerprint() {
        for (k, l, a, b) in [
            (0x2a_1f3c_77d1_0b35, 0x31_88e4_01f2_9c07, 7, 11),
            (0x3f_ffff_ffff_fffd, 0x20_0000_0000_0001, 0, 200),
        ] {
            let modulus = product(&factor(k, a), &factor(l, b));
            assert!(has_roca_fingerprint(&big_endian(modulus.clone())));
            assert!(!has_roca_fingerprint(&big_endian(sum(&modulus, &[2]))));
        }
        assert!(has_roca_fingerprint(&[1, 0, 1]), "65537 itself");
    }

    #[test]
    fn other_moduli_do_not_have_the_fingerprint() {
        assert!(!has_roca_fingerprint(&[]));
        let found = (0..200_000_u32).filter(|number| has_roca_fingerprint(&number.to_be_bytes()));
        assert_eq!(found.collect::<Vec<_>>(), [1, GENERATOR]);
    }
}
