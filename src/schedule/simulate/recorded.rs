//! How long real devices took for the samples, at eight sizes.

/// How long a device took for a sample at eight sizes.
#[derive(Debug, PartialEq)]
pub struct Recorded {
    /// The sample.
    pub sample: &'static str,
    /// The device.
    pub device: &'static str,
    /// The work at each size, as a part of the largest, and seconds in the kernel.
    pub times: [(f64, f64); 8],
}

impl Recorded {
    /// Seconds at the largest size.
    pub fn seconds(&self) -> f64 {
        self.times[self.times.len() - 1].1
    }

    /// The speed with so much work as takes `seconds` at the speed of the largest size, as a part of that speed.
    ///
    /// Between two sizes, the time is the power of the work that joins them. Below the smallest it falls with the work, and
    /// beyond the largest it grows with it.
    pub fn factor(&self, seconds: f64) -> f64 {
        let work = seconds / self.seconds();
        if work >= 1.0 {
            return 1.0;
        }
        let above = self.times.partition_point(|(size, _)| *size < work).min(self.times.len() - 1);
        let time = match above {
            0 => self.times[0].1 * work / self.times[0].0,
            _ => {
                let ((w0, t0), (w1, t1)) = (self.times[above - 1], self.times[above]);
                t0 * (t1 / t0).powf((work / w0).ln() / (w1 / w0).ln())
            }
        };
        seconds / time
    }

    /// The best speed at any of the sizes, in the same terms.
    pub fn best_factor(&self) -> f64 {
        self.times.iter().map(|(work, _)| self.factor(work * self.seconds())).fold(0.0, f64::max)
    }
}

/// The recordings: kernel times, the shortest of six runs on data that stays on the device, of the nine samples on the CPU engine
/// and on a software GPU, both on two cores of a shared x86-64 server with AVX2. `swath bench SAMPLE --size N --quick` prints such.
pub const RECORDED: &[Recorded] = &[
    Recorded {
        sample: "saxpy",
        device: "CPU engine",
        times: [
            (7.8125e-03, 2.4920e-06),
            (1.5625e-02, 3.2110e-06),
            (3.1250e-02, 5.2490e-06),
            (6.2500e-02, 1.7382e-05),
            (1.2500e-01, 2.9791e-05),
            (2.5000e-01, 7.6695e-05),
            (5.0000e-01, 2.2605e-04),
            (1.0000e+00, 5.9742e-04),
        ],
    },
    Recorded {
        sample: "saxpy",
        device: "lavapipe",
        times: [
            (7.8125e-03, 7.6795e-05),
            (1.5625e-02, 7.8746e-05),
            (3.1250e-02, 9.1964e-05),
            (6.2500e-02, 3.0458e-04),
            (1.2500e-01, 4.7881e-04),
            (2.5000e-01, 4.7006e-04),
            (5.0000e-01, 9.3636e-04),
            (1.0000e+00, 1.8665e-03),
        ],
    },
    Recorded {
        sample: "reduce",
        device: "CPU engine",
        times: [
            (7.8125e-03, 1.2772e-05),
            (1.5625e-02, 2.5823e-05),
            (3.1250e-02, 3.2283e-05),
            (6.2500e-02, 5.4058e-05),
            (1.2500e-01, 1.2940e-04),
            (2.5000e-01, 2.4295e-04),
            (5.0000e-01, 7.3972e-04),
            (1.0000e+00, 1.5072e-03),
        ],
    },
    Recorded {
        sample: "reduce",
        device: "lavapipe",
        times: [
            (7.8125e-03, 8.2242e-05),
            (1.5625e-02, 1.0337e-04),
            (3.1250e-02, 2.0086e-04),
            (6.2500e-02, 2.8551e-04),
            (1.2500e-01, 4.4731e-04),
            (2.5000e-01, 7.5557e-04),
            (5.0000e-01, 1.3872e-03),
            (1.0000e+00, 2.9142e-03),
        ],
    },
    Recorded {
        sample: "scan",
        device: "CPU engine",
        times: [
            (7.8125e-03, 3.1100e-06),
            (1.5625e-02, 1.5189e-05),
            (3.1250e-02, 2.7558e-05),
            (6.2500e-02, 6.3445e-05),
            (1.2500e-01, 6.2252e-05),
            (2.5000e-01, 1.2028e-04),
            (5.0000e-01, 3.1207e-04),
            (1.0000e+00, 7.4186e-04),
        ],
    },
    Recorded {
        sample: "scan",
        device: "lavapipe",
        times: [
            (7.8125e-03, 1.7350e-04),
            (1.5625e-02, 1.4480e-04),
            (3.1250e-02, 1.1999e-04),
            (6.2500e-02, 2.4019e-04),
            (1.2500e-01, 3.7483e-04),
            (2.5000e-01, 6.9161e-04),
            (5.0000e-01, 1.1361e-03),
            (1.0000e+00, 2.1972e-03),
        ],
    },
    Recorded {
        sample: "histogram",
        device: "CPU engine",
        times: [
            (7.8125e-03, 8.7570e-06),
            (1.5625e-02, 1.7806e-05),
            (3.1250e-02, 4.0832e-05),
            (6.2500e-02, 5.0869e-05),
            (1.2500e-01, 1.1486e-04),
            (2.5000e-01, 1.6404e-04),
            (5.0000e-01, 3.5528e-04),
            (1.0000e+00, 1.5176e-03),
        ],
    },
    Recorded {
        sample: "histogram",
        device: "lavapipe",
        times: [
            (7.8125e-03, 6.6345e-05),
            (1.5625e-02, 8.9492e-05),
            (3.1250e-02, 1.0613e-04),
            (6.2500e-02, 1.5237e-04),
            (1.2500e-01, 2.3570e-04),
            (2.5000e-01, 3.8530e-04),
            (5.0000e-01, 9.9812e-04),
            (1.0000e+00, 1.4710e-03),
        ],
    },
    Recorded {
        sample: "matmul",
        device: "CPU engine",
        times: [
            (1.0000e-03, 1.0282e-05),
            (8.0000e-03, 1.7362e-05),
            (2.7000e-02, 9.2682e-05),
            (6.4000e-02, 1.0608e-04),
            (1.2500e-01, 3.2646e-04),
            (2.1600e-01, 7.5506e-04),
            (5.1200e-01, 1.6283e-03),
            (1.0000e+00, 2.0719e-03),
        ],
    },
    Recorded {
        sample: "matmul",
        device: "lavapipe",
        times: [
            (1.9531e-03, 1.2395e-04),
            (6.5918e-03, 2.1659e-04),
            (1.5625e-02, 2.2804e-04),
            (5.2734e-02, 2.6953e-04),
            (1.2500e-01, 3.3936e-04),
            (2.4414e-01, 1.4278e-03),
            (4.2188e-01, 1.7470e-03),
            (1.0000e+00, 3.8811e-03),
        ],
    },
    Recorded {
        sample: "nbody",
        device: "CPU engine",
        times: [
            (6.9444e-03, 2.2572e-05),
            (2.7778e-02, 1.2783e-04),
            (6.2500e-02, 2.3590e-04),
            (1.1111e-01, 3.7651e-04),
            (2.5000e-01, 8.7514e-04),
            (4.4444e-01, 1.3936e-03),
            (6.9444e-01, 2.1628e-03),
            (1.0000e+00, 3.5196e-03),
        ],
    },
    Recorded {
        sample: "nbody",
        device: "lavapipe",
        times: [
            (2.7778e-02, 9.0639e-04),
            (6.2500e-02, 1.0149e-03),
            (1.1111e-01, 8.7506e-04),
            (1.7361e-01, 1.0648e-03),
            (2.5000e-01, 1.0660e-03),
            (4.4444e-01, 3.5292e-03),
            (6.9444e-01, 2.1673e-03),
            (1.0000e+00, 1.9001e-03),
        ],
    },
    Recorded {
        sample: "mandelbrot",
        device: "CPU engine",
        times: [
            (2.7737e-02, 5.7056e-05),
            (6.1916e-02, 1.0791e-04),
            (1.1097e-01, 1.8769e-04),
            (1.7413e-01, 2.5884e-04),
            (2.5013e-01, 3.9634e-04),
            (4.4444e-01, 6.9074e-04),
            (6.9497e-01, 1.0457e-03),
            (1.0000e+00, 1.6945e-03),
        ],
    },
    Recorded {
        sample: "mandelbrot",
        device: "lavapipe",
        times: [
            (2.2253e-02, 1.1122e-04),
            (3.9914e-02, 1.6365e-04),
            (8.9090e-02, 2.2285e-04),
            (1.5975e-01, 3.6007e-04),
            (2.5056e-01, 5.5843e-04),
            (3.5985e-01, 8.0173e-04),
            (6.3941e-01, 1.6338e-03),
            (1.0000e+00, 1.9378e-03),
        ],
    },
    Recorded {
        sample: "black_scholes",
        device: "CPU engine",
        times: [
            (7.8125e-03, 1.4270e-05),
            (1.5625e-02, 2.3766e-05),
            (3.1250e-02, 4.4371e-05),
            (6.2500e-02, 8.7250e-05),
            (1.2500e-01, 1.5932e-04),
            (2.5000e-01, 3.3174e-04),
            (5.0000e-01, 9.1886e-04),
            (1.0000e+00, 1.2924e-03),
        ],
    },
    Recorded {
        sample: "black_scholes",
        device: "lavapipe",
        times: [
            (7.8125e-03, 5.9002e-05),
            (1.5625e-02, 1.1822e-04),
            (3.1250e-02, 1.5515e-04),
            (6.2500e-02, 1.3983e-04),
            (1.2500e-01, 2.3603e-04),
            (2.5000e-01, 4.3600e-04),
            (5.0000e-01, 9.0055e-04),
            (1.0000e+00, 2.8251e-03),
        ],
    },
    Recorded {
        sample: "shallow_water",
        device: "CPU engine",
        times: [
            (1.5625e-02, 2.7497e-05),
            (3.7037e-02, 4.7571e-05),
            (7.2338e-02, 2.1941e-04),
            (1.2500e-01, 2.6399e-04),
            (1.9850e-01, 3.9153e-04),
            (2.9630e-01, 6.0227e-04),
            (5.7870e-01, 1.2816e-03),
            (1.0000e+00, 3.6801e-03),
        ],
    },
    Recorded {
        sample: "shallow_water",
        device: "lavapipe",
        times: [
            (1.5625e-02, 2.4829e-04),
            (3.7037e-02, 3.6678e-04),
            (7.2338e-02, 7.1481e-04),
            (1.2500e-01, 9.3200e-04),
            (1.9850e-01, 1.6871e-03),
            (2.9630e-01, 2.4425e-03),
            (5.7870e-01, 4.1596e-03),
            (1.0000e+00, 5.7997e-03),
        ],
    },
];
