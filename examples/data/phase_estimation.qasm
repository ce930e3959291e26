OPENQASM 2.0;
include "qelib1.inc";
// Phase estimation: the gate p(2 pi 0.3) leaves the state 1 as it is, but for a phase. Six qubits find it: their number comes out
// near 64 x 0.3 = 19.2.
qreg count[6];
qreg state[1];
creg found[6];

x state[0];
h count;
cp(2*pi*0.3) count[0], state[0];
cp(2*pi*0.3*2) count[1], state[0];
cp(2*pi*0.3*4) count[2], state[0];
cp(2*pi*0.3*8) count[3], state[0];
cp(2*pi*0.3*16) count[4], state[0];
cp(2*pi*0.3*32) count[5], state[0];
barrier count;

// The inverse Fourier transform.
swap count[0], count[5];
swap count[1], count[4];
swap count[2], count[3];
h count[0];
cp(-pi/2) count[0], count[1];
h count[1];
cp(-pi/4) count[0], count[2];
cp(-pi/2) count[1], count[2];
h count[2];
cp(-pi/8) count[0], count[3];
cp(-pi/4) count[1], count[3];
cp(-pi/2) count[2], count[3];
h count[3];
cp(-pi/16) count[0], count[4];
cp(-pi/8) count[1], count[4];
cp(-pi/4) count[2], count[4];
cp(-pi/2) count[3], count[4];
h count[4];
cp(-pi/32) count[0], count[5];
cp(-pi/16) count[1], count[5];
cp(-pi/8) count[2], count[5];
cp(-pi/4) count[3], count[5];
cp(-pi/2) count[4], count[5];
h count[5];
measure count -> found;
