// black_scholes: prices and greeks of European options on a stock that pays no dividend.
//
//   params.rate   f32         risk-free rate, continuously compounded, a year
//   options       Option[n]   read: spot, strike (currency), years to expiry, volatility (a root year)
//   prices        Price[n]    written: call and put (currency)
//   greeks        Greeks[n]   written, of the call: delta, gamma (1 / currency), vega (currency for a
//                             volatility of 1), theta (currency a year). The put's delta is one less;
//                             gamma and vega are the same.
//   grid          [n]
//
// All inputs but the rate must be above zero.
//
// Ragged edge: invocations past the end return at once.
// Source: Black and Scholes, "The Pricing of Options and Corporate Liabilities" (1973); the normal
// distribution by Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.2.17 (absolute
// error below 7.5e-8).

struct Params {
    rate: f32,
}

struct Option {
    spot: f32,
    strike: f32,
    years: f32,
    volatility: f32,
}

struct Price {
    call: f32,
    put: f32,
}

struct Greeks {
    delta: f32,
    gamma: f32,
    vega: f32,
    theta: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> options: array<Option>;
@group(0) @binding(2) var<storage, read_write> prices: array<Price>;
@group(0) @binding(3) var<storage, read_write> greeks: array<Greeks>;

// The density of the normal distribution.
fn density(x: f32) -> f32 {
    return 0.3989422804f * exp(-0.5 * x * x);
}

// The part of the normal distribution below x, given the density at x.
fn below(x: f32, density_x: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.2316419 * abs(x));
    let series = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
    let tail = density_x * series;
    return select(tail, 1.0 - tail, x > 0.0);
}

@compute @workgroup_size(256)
fn black_scholes(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    if (i >= arrayLength(&options)) {
        return;
    }
    let option = options[i];

    let root = sqrt(option.years);
    let spread = option.volatility * root;
    let d1 = log(option.spot / option.strike) / spread
        + (params.rate / option.volatility + 0.5 * option.volatility) * root;
    let d2 = d1 - spread;
    let discounted = option.strike * exp(-params.rate * option.years);

    let density1 = density(d1);
    let density2 = density(d2);
    let below1 = below(d1, density1);
    let below2 = below(d2, density2);
    let above1 = below(-d1, density1);
    let above2 = below(-d2, density2);

    prices[i] = Price(option.spot * below1 - discounted * below2, discounted * above2 - option.spot * above1);
    greeks[i] = Greeks(
        below1,
        density1 / (option.spot * spread),
        option.spot * density1 * root,
        -option.spot * density1 * option.volatility / (2.0 * root) - params.rate * discounted * below2,
    );
}
