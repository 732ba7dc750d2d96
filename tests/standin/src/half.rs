//! Half-precision numbers. Owns the conversion from `f32` to the 16 bits of
//! IEEE 754 binary16; never converts back, because nobody here reads weights.

/// The nearest half-precision number, ties to even, as bits.
#[must_use]
pub fn from_f32(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = ((bits >> 16) & 0x8000) as u16;
    let exponent = ((bits >> 23) & 0xff) as i32 - 127;
    let mantissa = bits & 0x007f_ffff;
    match exponent {
        128 if mantissa != 0 => sign | 0x7e00,
        16.. => sign | 0x7c00,
        // The carry of the rounding may run into the exponent: that is right.
        -14..=15 => sign | round(((exponent + 15) as u32) << 23 | mantissa, 13),
        // Below the smallest normal number the hidden bit becomes visible and
        // moves right with each step of the exponent.
        -25..=-15 => sign | round(mantissa | 0x0080_0000, (-exponent - 1) as u32),
        _ => sign,
    }
}

/// `bits >> shift`, rounded to nearest, ties to even.
fn round(bits: u32, shift: u32) -> u16 {
    let kept = bits >> shift;
    let rest = bits & ((1 << shift) - 1);
    let tie = 1 << (shift - 1);
    let up = rest > tie || (rest == tie && kept & 1 == 1);
    (kept + u32::from(up)) as u16
}

#[cfg(test)]
mod tests {
    use super::from_f32;

    #[test]
    fn known_numbers_keep_their_known_bits() {
        for (value, bits) in [
            (0.0, 0x0000),
            (-0.0, 0x8000),
            (1.0, 0x3c00),
            (-2.0, 0xc000),
            (0.1, 0x2e66),
            (65504.0, 0x7bff),
            (65520.0, 0x7c00),
            (f32::INFINITY, 0x7c00),
            (6.103_515_6e-5, 0x0400),
            (6.097_555e-5, 0x03ff),
            (5.960_464_5e-8, 0x0001),
            (2.980_232_2e-8, 0x0000),
            (3.0e-8, 0x0001),
            (1.0e-9, 0x0000),
        ] {
            assert_eq!(from_f32(value), bits, "{value}");
        }
        assert_eq!(from_f32(f32::NAN) & 0x7fff, 0x7e00);
    }

    #[test]
    fn ties_go_to_the_even_neighbour() {
        assert_eq!(from_f32(1.0 + 1.0 / 2048.0), 0x3c00);
        assert_eq!(from_f32(1.0 + 3.0 / 2048.0), 0x3c02);
    }
}
