// Convolution as a product of matrices, of which one is never stored; see tiled_gpu.py.
//
//     out[m, col] = sum over r of  A[r, m] B[r, col]
//
// A block of 256 threads computes BM rows and BN columns. It goes through r in pieces of BK: fetch
// the piece BK x BM of A and BK x BN of B into registers, multiply the piece before, which lies in
// shared memory, then store the new one beside it (hence two buffers; one barrier a piece is enough).
// So the slow memory works while the multipliers do. Each thread holds TM x TN results in registers:
// every number that it reads from shared memory serves TM or TN multiplications.
//
// Tiles that reach over the edge read a row or column again that exists, and do not write its result.
//
// The compiler gets BM (16, 64 or 128) and TF32 (0 or 1). With TF32 a warp of 32 threads multiplies
// 16 x 8 by 8 x 8 numbers in one instruction, which wants the numbers spread over the threads in its
// own way: ROW and COL say which results a thread holds.
#define BK 16
#if BM == 128
#define TM 8
#define TN 8
#elif BM == 64
#define TM 4
#define TN 8
#else
#define TM 4
#define TN 4
#endif
#define TY (BM / TM)
#define TX (256 / TY)
#define BN (TX * TN)
#if TF32
#define PLACES(t) const int warp = (t) / 32, lane = (t) % 32
#define SKEW 8  // rows of shared memory are a little longer, so that threads meet different banks
#define ROW(i) (warp / 4 * (BM / 2) + (i) / 2 * 16 + (i) % 2 * 8 + lane / 4)
#define COL(j) (warp % 4 * (BN / 4) + (j) / 2 * 8 + lane % 4 * 2 + (j) % 2)
#else
#define PLACES(t) const int ty = (t) / TX, tx = (t) % TX
#define SKEW 4
#define ROW(i) ((i) / 4 * 4 * TY + ty * 4 + (i) % 4)
#define COL(j) ((j) / 4 * 4 * TX + tx * 4 + (j) % 4)
#endif

struct __align__(16) Four { float a, b, c, d; };  // moved in one instruction

#if TF32
#ifdef __CUDA_ARCH__
__device__ __forceinline__ float rounded(float x) {
    unsigned r;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(r) : "f"(x));
    return __uint_as_float(r);
}

// d += a b, 16 x 8 = 16 x 8 by 8 x 8. With g = lane / 4 and t = lane % 4 a thread holds
// a[g, t] a[g+8, t] a[g, t+4] a[g+8, t+4],  b[t, g] b[t+4, g],  d[g, 2t] d[g, 2t+1] d[g+8, 2t] ...
__device__ __forceinline__ void multiply_add(
        float& d0, float& d1, float& d2, float& d3, const float* a, const float* b) {
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d0), "+f"(d1), "+f"(d2), "+f"(d3)
        : "r"(__float_as_uint(a[0])), "r"(__float_as_uint(a[1])), "r"(__float_as_uint(a[2])),
          "r"(__float_as_uint(a[3])), "r"(__float_as_uint(b[0])), "r"(__float_as_uint(b[1])));
}
#else  // the same in plain words, for a machine that has no such instruction
__device__ float rounded(float x) {
    return __uint_as_float((__float_as_uint(x) + 0x1000u) & ~0x1fffu);
}

__device__ void multiply_add(
        float& d0, float& d1, float& d2, float& d3, const float* a, const float* b) {
    const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
    for (int k = 0; k < 8; k++) {
        const float above = __shfl_sync(0xffffffffu, a[k / 4 * 2], g * 4 + k % 4);
        const float below = __shfl_sync(0xffffffffu, a[k / 4 * 2 + 1], g * 4 + k % 4);
        const float left = __shfl_sync(0xffffffffu, b[k / 4], 2 * t * 4 + k % 4);
        const float right = __shfl_sync(0xffffffffu, b[k / 4], (2 * t + 1) * 4 + k % 4);
        d0 += above * left;
        d1 += above * right;
        d2 += below * left;
        d3 += below * right;
    }
}
#endif
#else
#define rounded(x) (x)
#endif

// Adds the product of one piece to the results of this thread.
__device__ __forceinline__ void multiply(
        const float (*As)[BM + SKEW], const float (*Bs)[BN + SKEW], float (*sums)[TN]) {
#if TF32
    PLACES(threadIdx.x);
    const int t = lane % 4;
#pragma unroll
    for (int k = 0; k < BK; k += 8) {
        float a[TM / 2][4], b[TN / 2][2];
#pragma unroll
        for (int i = 0; i < TM / 2; i++)
#pragma unroll
            for (int e = 0; e < 4; e++) a[i][e] = As[k + t + e / 2 * 4][ROW(2 * i + e % 2)];
#pragma unroll
        for (int j = 0; j < TN / 2; j++)
#pragma unroll
            for (int e = 0; e < 2; e++)
                b[j][e] = Bs[k + t + e * 4][COL(2 * j) - t * 2 + lane / 4];
#pragma unroll
        for (int i = 0; i < TM; i += 2)
#pragma unroll
            for (int j = 0; j < TN; j += 2)
                multiply_add(sums[i][j], sums[i][j + 1], sums[i + 1][j], sums[i + 1][j + 1],
                             a[i / 2], b[j / 2]);
    }
#else
    PLACES(threadIdx.x);
#pragma unroll
    for (int k = 0; k < BK; k++) {
        __align__(16) float a[TM], b[TN];
#pragma unroll
        for (int i = 0; i < TM; i += 4) *(Four*)(a + i) = *(const Four*)&As[k][ROW(i)];
#pragma unroll
        for (int j = 0; j < TN; j += 4) *(Four*)(b + j) = *(const Four*)&Bs[k][COL(j)];
#pragma unroll
        for (int i = 0; i < TM; i++)
#pragma unroll
            for (int j = 0; j < TN; j++) sums[i][j] += a[i] * b[j];
    }
#endif
}

// Result of conv2d, or its input gradient. Row m is a map of the result, column q a pixel (n, i, j)
// of it; A[r, m] = w[wm m + woff[r]], B[r, q] = x[pixel q + xoff[r]], and zero where the offset is -1:
// R is a multiple of BK. wg is what lies between the weights of two groups.
extern "C" __global__ void __launch_bounds__(256, 2) conv2d_product(
        const float* __restrict__ x, const float* __restrict__ w, const float* __restrict__ bias,
        const int* __restrict__ xoff, const int* __restrict__ woff, int sh, int sw, int groups,
        int wm, int wg, float* __restrict__ y,
        int N, int M, int OH, int OW, int R, int C, int H, int W) {
    __shared__ __align__(16) float As[2][BK][BM + SKEW], Bs[2][BK][BN + SKEW];
    const int t = threadIdx.x, group = blockIdx.z, P = OH * OW, Q = N * P;
    const int m0 = blockIdx.y * BM, q0 = blockIdx.x * BN;
    const int ak = t % BK, am = t / BK, bk = t / BN, bq = t % BN;  // what this thread fetches
    const int q = min(q0 + bq, Q - 1), n = q / P, i = q % P / OW, j = q % OW;
    x += (n * groups + group) * C * H * W + i * sh * W + j * sw;
    w += group * wg;
    float ra[BM * BK / 256], rb[BN * BK / 256], sums[TM][TN] = {};
    for (int r0 = 0, s = 0;; r0 += BK, s ^= 1) {
        if (r0 < R) {
            const int o = woff[r0 + ak];
#pragma unroll
            for (int e = 0; e < BM * BK / 256; e++)
                ra[e] = o < 0 ? 0 : w[min(m0 + am + e * (256 / BK), M - 1) * wm + o];
#pragma unroll
            for (int e = 0; e < BN * BK / 256; e++) {
                const int o = xoff[r0 + bk + e * (256 / BN)];
                rb[e] = o < 0 ? 0 : x[o];
            }
        }
        if (r0 > 0) multiply(As[s ^ 1], Bs[s ^ 1], sums);
        if (r0 >= R) break;
#pragma unroll
        for (int e = 0; e < BM * BK / 256; e++) As[s][ak][am + e * (256 / BK)] = rounded(ra[e]);
#pragma unroll
        for (int e = 0; e < BN * BK / 256; e++) Bs[s][bk + e * (256 / BN)][bq] = rounded(rb[e]);
        __syncthreads();
    }
    PLACES(t);
#pragma unroll
    for (int i = 0; i < TM; i++) {
        const int m = m0 + ROW(i);
        if (m >= M) continue;
        const float b = bias ? bias[group * M + m] : 0;
#if !TF32
        if (P % 4 == 0) {  // four pixels that follow each other lie in one picture
#pragma unroll
            for (int j = 0; j < TN; j += 4) {
                const int q = q0 + COL(j);
                const Four four = {sums[i][j] + b, sums[i][j + 1] + b, sums[i][j + 2] + b,
                                   sums[i][j + 3] + b};
                if (q < Q) *(Four*)&y[((q / P * groups + group) * M + m) * P + q % P] = four;
            }
            continue;
        }
#endif
#pragma unroll
        for (int j = 0; j < TN; j++) {
            const int q = q0 + COL(j);
            if (q < Q) y[((q / P * groups + group) * M + m) * P + q % P] = sums[i][j] + b;
        }
    }
}

// Gradient of the filters. Row m is a filter, column r a weight (k, u, v) of it, and the sum runs
// over the pixels q = (n, i, j): A[q, m] = gy[n, m, i, j], B[q, r] = x[pixel q + xoff[r]]. There are
// few results and many pixels, so the pixels are dealt out to `shares` blocks for each result;
// conv2d_add_shares adds their sums in the order of the shares, the same for every run.
extern "C" __global__ void __launch_bounds__(256, 2) conv2d_product_weight(
        const float* __restrict__ gy, const float* __restrict__ x, const int* __restrict__ xoff,
        int sh, int sw, int groups, int shares, float* __restrict__ gw,
        int N, int M, int OH, int OW, int R, int C, int H, int W) {
    __shared__ __align__(16) float As[2][BK][BM + SKEW], Bs[2][BK][BN + SKEW];
    const int t = threadIdx.x, group = blockIdx.z / shares, share = blockIdx.z % shares;
    const int P = OH * OW, Q = N * P, part = ((Q + shares - 1) / shares + BK - 1) / BK * BK;
    const int first = min(share * part, Q), end = min(first + part, Q);
    const int m0 = blockIdx.y * BM, r0 = blockIdx.x * BN;
    const int k = t % BK, row = t / BK;  // what this thread fetches: pixel k of a piece
    x += group * C * H * W;
    gy += group * M * P;
    float ra[BM * BK / 256], rb[BN * BK / 256], sums[TM][TN] = {};
    for (int p0 = first, s = 0;; p0 += BK, s ^= 1) {
        if (p0 < end) {
            const int q = min(p0 + k, Q - 1), n = q / P, i = q % P / OW, j = q % OW;
            const bool mine = p0 + k < end;
            const int xq = n * groups * C * H * W + i * sh * W + j * sw;
            const int gq = n * groups * M * P + q % P;
#pragma unroll
            for (int e = 0; e < BM * BK / 256; e++)
                ra[e] = mine ? gy[gq + min(m0 + row + e * (256 / BK), M - 1) * P] : 0;
#pragma unroll
            for (int e = 0; e < BN * BK / 256; e++)
                rb[e] = mine ? x[xq + xoff[min(r0 + row + e * (256 / BK), R - 1)]] : 0;
        }
        if (p0 > first) multiply(As[s ^ 1], Bs[s ^ 1], sums);
        if (p0 >= end) break;
#pragma unroll
        for (int e = 0; e < BM * BK / 256; e++) As[s][k][row + e * (256 / BK)] = rounded(ra[e]);
#pragma unroll
        for (int e = 0; e < BN * BK / 256; e++) Bs[s][k][row + e * (256 / BK)] = rounded(rb[e]);
        __syncthreads();
    }
    PLACES(t);
    gw += (share * groups + group) * M * R;
#pragma unroll
    for (int i = 0; i < TM; i++)
#pragma unroll
        for (int j = 0; j < TN; j++) {
            const int m = m0 + ROW(i), r = r0 + COL(j);
            if (m < M && r < R) gw[m * R + r] = sums[i][j];
        }
}

// gw[i] = sum of the shares, parts[share, i]
extern "C" __global__ void conv2d_add_shares(
        const float* parts, float* gw, int shares, int size) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= size) return;
    float total = 0;
    for (int share = 0; share < shares; share++) total += parts[share * size + i];
    gw[i] = total;
}

// Zeros around each plane of x (planes, H, W) and, for the gradient of a stride, between its pixels:
// y[top + i sh, left + j sw] = x[i, j]
extern "C" __global__ void conv2d_pad(
        const float* __restrict__ x, int top, int left, int sh, int sw, float* __restrict__ y,
        int planes, int H, int W, int OH, int OW) {
    int index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= planes * OH * OW) return;
    int j = index % OW - left, i = index / OW % OH - top, plane = index / OW / OH;
    bool inside = i >= 0 && j >= 0 && i % sh == 0 && j % sw == 0 && i / sh < H && j / sw < W;
    y[index] = inside ? x[(plane * H + i / sh) * W + j / sw] : 0;
}
