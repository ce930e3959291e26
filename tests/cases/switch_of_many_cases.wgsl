// Switches of more than a hundred cases: each value finds its own, the others the default, and what leaves or continues does
// so as ever.
//! grid: 256
//! in x: u32 = seq(256)
//! out y: u32 = seq(200, 1, 3) 7*56
//! out z: i32 = each(256, sum(n, 0, 2, (3 * i + n) % 5 == 0 && 3 * i + n < 650 ? (n == 1 ? 0 : (3 * i + n) / 10 * 2 + 1000) : 1000 - i % 2))

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<storage, read_write> z: array<i32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    var r = 7u;
    switch x[i] {
        case 0: { r = 1; }
        case 1: { r = 4; }
        case 2: { r = 7; }
        case 3: { r = 10; }
        case 4: { r = 13; }
        case 5: { r = 16; }
        case 6: { r = 19; }
        case 7: { r = 22; }
        case 8: { r = 25; }
        case 9: { r = 28; }
        case 10: { r = 31; }
        case 11: { r = 34; }
        case 12: { r = 37; }
        case 13: { r = 40; }
        case 14: { r = 43; }
        case 15: { r = 46; }
        case 16: { r = 49; }
        case 17: { r = 52; }
        case 18: { r = 55; }
        case 19: { r = 58; }
        case 20: { r = 61; }
        case 21: { r = 64; }
        case 22: { r = 67; }
        case 23: { r = 70; }
        case 24: { r = 73; }
        case 25: { r = 76; }
        case 26: { r = 79; }
        case 27: { r = 82; }
        case 28: { r = 85; }
        case 29: { r = 88; }
        case 30: { r = 91; }
        case 31: { r = 94; }
        case 32: { r = 97; }
        case 33: { r = 100; }
        case 34: { r = 103; }
        case 35: { r = 106; }
        case 36: { r = 109; }
        case 37: { r = 112; }
        case 38: { r = 115; }
        case 39: { r = 118; }
        case 40: { r = 121; }
        case 41: { r = 124; }
        case 42: { r = 127; }
        case 43: { r = 130; }
        case 44: { r = 133; }
        case 45: { r = 136; }
        case 46: { r = 139; }
        case 47: { r = 142; }
        case 48: { r = 145; }
        case 49: { r = 148; }
        case 50: { r = 151; }
        case 51: { r = 154; }
        case 52: { r = 157; }
        case 53: { r = 160; }
        case 54: { r = 163; }
        case 55: { r = 166; }
        case 56: { r = 169; }
        case 57: { r = 172; }
        case 58: { r = 175; }
        case 59: { r = 178; }
        case 60: { r = 181; }
        case 61: { r = 184; }
        case 62: { r = 187; }
        case 63: { r = 190; }
        case 64: { r = 193; }
        case 65: { r = 196; }
        case 66: { r = 199; }
        case 67: { r = 202; }
        case 68: { r = 205; }
        case 69: { r = 208; }
        case 70: { r = 211; }
        case 71: { r = 214; }
        case 72: { r = 217; }
        case 73: { r = 220; }
        case 74: { r = 223; }
        case 75: { r = 226; }
        case 76: { r = 229; }
        case 77: { r = 232; }
        case 78: { r = 235; }
        case 79: { r = 238; }
        case 80: { r = 241; }
        case 81: { r = 244; }
        case 82: { r = 247; }
        case 83: { r = 250; }
        case 84: { r = 253; }
        case 85: { r = 256; }
        case 86: { r = 259; }
        case 87: { r = 262; }
        case 88: { r = 265; }
        case 89: { r = 268; }
        case 90: { r = 271; }
        case 91: { r = 274; }
        case 92: { r = 277; }
        case 93: { r = 280; }
        case 94: { r = 283; }
        case 95: { r = 286; }
        case 96: { r = 289; }
        case 97: { r = 292; }
        case 98: { r = 295; }
        case 99: { r = 298; }
        case 100: { r = 301; }
        case 101: { r = 304; }
        case 102: { r = 307; }
        case 103: { r = 310; }
        case 104: { r = 313; }
        case 105: { r = 316; }
        case 106: { r = 319; }
        case 107: { r = 322; }
        case 108: { r = 325; }
        case 109: { r = 328; }
        case 110: { r = 331; }
        case 111: { r = 334; }
        case 112: { r = 337; }
        case 113: { r = 340; }
        case 114: { r = 343; }
        case 115: { r = 346; }
        case 116: { r = 349; }
        case 117: { r = 352; }
        case 118: { r = 355; }
        case 119: { r = 358; }
        case 120: { r = 361; }
        case 121: { r = 364; }
        case 122: { r = 367; }
        case 123: { r = 370; }
        case 124: { r = 373; }
        case 125: { r = 376; }
        case 126: { r = 379; }
        case 127: { r = 382; }
        case 128: { r = 385; }
        case 129: { r = 388; }
        case 130: { r = 391; }
        case 131: { r = 394; }
        case 132: { r = 397; }
        case 133: { r = 400; }
        case 134: { r = 403; }
        case 135: { r = 406; }
        case 136: { r = 409; }
        case 137: { r = 412; }
        case 138: { r = 415; }
        case 139: { r = 418; }
        case 140: { r = 421; }
        case 141: { r = 424; }
        case 142: { r = 427; }
        case 143: { r = 430; }
        case 144: { r = 433; }
        case 145: { r = 436; }
        case 146: { r = 439; }
        case 147: { r = 442; }
        case 148: { r = 445; }
        case 149: { r = 448; }
        case 150: { r = 451; }
        case 151: { r = 454; }
        case 152: { r = 457; }
        case 153: { r = 460; }
        case 154: { r = 463; }
        case 155: { r = 466; }
        case 156: { r = 469; }
        case 157: { r = 472; }
        case 158: { r = 475; }
        case 159: { r = 478; }
        case 160: { r = 481; }
        case 161: { r = 484; }
        case 162: { r = 487; }
        case 163: { r = 490; }
        case 164: { r = 493; }
        case 165: { r = 496; }
        case 166: { r = 499; }
        case 167: { r = 502; }
        case 168: { r = 505; }
        case 169: { r = 508; }
        case 170: { r = 511; }
        case 171: { r = 514; }
        case 172: { r = 517; }
        case 173: { r = 520; }
        case 174: { r = 523; }
        case 175: { r = 526; }
        case 176: { r = 529; }
        case 177: { r = 532; }
        case 178: { r = 535; }
        case 179: { r = 538; }
        case 180: { r = 541; }
        case 181: { r = 544; }
        case 182: { r = 547; }
        case 183: { r = 550; }
        case 184: { r = 553; }
        case 185: { r = 556; }
        case 186: { r = 559; }
        case 187: { r = 562; }
        case 188: { r = 565; }
        case 189: { r = 568; }
        case 190: { r = 571; }
        case 191: { r = 574; }
        case 192: { r = 577; }
        case 193: { r = 580; }
        case 194: { r = 583; }
        case 195: { r = 586; }
        case 196: { r = 589; }
        case 197: { r = 592; }
        case 198: { r = 595; }
        case 199: { r = 598; }
        default: {}
    }
    y[i] = r;
    var s = 0;
    for (var n = 0; n < 2; n++) {
        switch 3 * i32(x[i]) - 300 + n {
            case -300, -295: { if n == 1 { continue; } s += 0; }
            case -290, -285: { if n == 1 { continue; } s += 2; }
            case -280, -275: { if n == 1 { continue; } s += 4; }
            case -270, -265: { if n == 1 { continue; } s += 6; }
            case -260, -255: { if n == 1 { continue; } s += 8; }
            case -250, -245: { if n == 1 { continue; } s += 10; }
            case -240, -235: { if n == 1 { continue; } s += 12; }
            case -230, -225: { if n == 1 { continue; } s += 14; }
            case -220, -215: { if n == 1 { continue; } s += 16; }
            case -210, -205: { if n == 1 { continue; } s += 18; }
            case -200, -195: { if n == 1 { continue; } s += 20; }
            case -190, -185: { if n == 1 { continue; } s += 22; }
            case -180, -175: { if n == 1 { continue; } s += 24; }
            case -170, -165: { if n == 1 { continue; } s += 26; }
            case -160, -155: { if n == 1 { continue; } s += 28; }
            case -150, -145: { if n == 1 { continue; } s += 30; }
            case -140, -135: { if n == 1 { continue; } s += 32; }
            case -130, -125: { if n == 1 { continue; } s += 34; }
            case -120, -115: { if n == 1 { continue; } s += 36; }
            case -110, -105: { if n == 1 { continue; } s += 38; }
            case -100, -95: { if n == 1 { continue; } s += 40; }
            case -90, -85: { if n == 1 { continue; } s += 42; }
            case -80, -75: { if n == 1 { continue; } s += 44; }
            case -70, -65: { if n == 1 { continue; } s += 46; }
            case -60, -55: { if n == 1 { continue; } s += 48; }
            case -50, -45: { if n == 1 { continue; } s += 50; }
            case -40, -35: { if n == 1 { continue; } s += 52; }
            case -30, -25: { if n == 1 { continue; } s += 54; }
            case -20, -15: { if n == 1 { continue; } s += 56; }
            case -10, -5: { if n == 1 { continue; } s += 58; }
            default: { if i % 2 == 0 { break; } s -= 1; }
            case 0, 5: { if n == 1 { continue; } s += 60; }
            case 10, 15: { if n == 1 { continue; } s += 62; }
            case 20, 25: { if n == 1 { continue; } s += 64; }
            case 30, 35: { if n == 1 { continue; } s += 66; }
            case 40, 45: { if n == 1 { continue; } s += 68; }
            case 50, 55: { if n == 1 { continue; } s += 70; }
            case 60, 65: { if n == 1 { continue; } s += 72; }
            case 70, 75: { if n == 1 { continue; } s += 74; }
            case 80, 85: { if n == 1 { continue; } s += 76; }
            case 90, 95: { if n == 1 { continue; } s += 78; }
            case 100, 105: { if n == 1 { continue; } s += 80; }
            case 110, 115: { if n == 1 { continue; } s += 82; }
            case 120, 125: { if n == 1 { continue; } s += 84; }
            case 130, 135: { if n == 1 { continue; } s += 86; }
            case 140, 145: { if n == 1 { continue; } s += 88; }
            case 150, 155: { if n == 1 { continue; } s += 90; }
            case 160, 165: { if n == 1 { continue; } s += 92; }
            case 170, 175: { if n == 1 { continue; } s += 94; }
            case 180, 185: { if n == 1 { continue; } s += 96; }
            case 190, 195: { if n == 1 { continue; } s += 98; }
            case 200, 205: { if n == 1 { continue; } s += 100; }
            case 210, 215: { if n == 1 { continue; } s += 102; }
            case 220, 225: { if n == 1 { continue; } s += 104; }
            case 230, 235: { if n == 1 { continue; } s += 106; }
            case 240, 245: { if n == 1 { continue; } s += 108; }
            case 250, 255: { if n == 1 { continue; } s += 110; }
            case 260, 265: { if n == 1 { continue; } s += 112; }
            case 270, 275: { if n == 1 { continue; } s += 114; }
            case 280, 285: { if n == 1 { continue; } s += 116; }
            case 290, 295: { if n == 1 { continue; } s += 118; }
            case 300, 305: { if n == 1 { continue; } s += 120; }
            case 310, 315: { if n == 1 { continue; } s += 122; }
            case 320, 325: { if n == 1 { continue; } s += 124; }
            case 330, 335: { if n == 1 { continue; } s += 126; }
            case 340, 345: { if n == 1 { continue; } s += 128; }
        }
        s += 1000;
    }
    z[i] = s;
}
