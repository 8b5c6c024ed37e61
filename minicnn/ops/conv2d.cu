// Convolution to read: the CPU loops of conv2d.py, each sum by one thread, 16 x 16 threads a block.
//
// The threads of a block need the same numbers again and again: 16 filters (threadIdx.y) meet 16
// pixels (threadIdx.x). So the sum is cut into pieces of 16 terms. Of each piece the block copies the
// 16 x 16 numbers of either factor into shared memory, one number a thread; then every number is
// used 16 times from there. A barrier before the sums (all has arrived) and one after them (all have
// done, it may be overwritten) keep the threads in step. Where a tile reaches over the edge of a
// matrix it holds zeros, which add nothing; nobody leaves early, for barriers wait for everybody.
//
// C is the number of input maps in a group, M of filters in a group. One block works on one group.
#define TILE 16

// rows: filters m of the group; columns: pixels ij; the sum runs over r = (k, u, v)
extern "C" __global__ void conv2d_forward(
        const T* __restrict__ x, const T* __restrict__ w, const T* __restrict__ b,
        int sh, int sw, int ph, int pw, int dh, int dw, int groups, T* __restrict__ y,
        int F, int OH, int OW, int C, int K, int L, int H, int W) {
    __shared__ T ws[TILE][TILE], xs[TILE][TILE];
    const int tx = threadIdx.x, ty = threadIdx.y, n = blockIdx.z;
    const int M = F / groups, tiles = (M + TILE - 1) / TILE, group = blockIdx.y / tiles;
    const int m = blockIdx.y % tiles * TILE + ty, c = group * M + m;
    const int ij = blockIdx.x * TILE + tx, i = ij / OW, j = ij % OW;
    const int R = C * K * L;
    T total = m < M ? b[c] : 0;
    for (int r0 = 0; r0 < R; r0 += TILE) {
        int r = r0 + tx;
        ws[ty][tx] = m < M && r < R ? w[c * R + r] : 0;
        r = r0 + ty;
        int k = r / (K * L), u = r / L % K, v = r % L;
        int p = i * sh + u * dh - ph, q = j * sw + v * dw - pw;
        bool inside = r < R && ij < OH * OW && 0 <= p && p < H && 0 <= q && q < W;
        xs[ty][tx] = inside ? x[((n * groups + group) * C + k) * H * W + p * W + q] : 0;
        __syncthreads();
        for (int t = 0; t < TILE; t++) total += ws[ty][t] * xs[t][tx];
        __syncthreads();
    }
    if (m < M && ij < OH * OW) y[(n * F + c) * OH * OW + ij] = total;
}

// rows: input maps k of the group; columns: pixels pq; the sum runs over r = (c, u, v)
extern "C" __global__ void conv2d_grad_input(
        const T* __restrict__ gy, const T* __restrict__ w,
        int sh, int sw, int ph, int pw, int dh, int dw, int groups, T* __restrict__ gx,
        int F, int OH, int OW, int C, int K, int L, int H, int W) {
    __shared__ T ws[TILE][TILE], gs[TILE][TILE];
    const int tx = threadIdx.x, ty = threadIdx.y, n = blockIdx.z;
    const int M = F / groups, tiles = (C + TILE - 1) / TILE, group = blockIdx.y / tiles;
    const int k = blockIdx.y % tiles * TILE + ty;
    const int pq = blockIdx.x * TILE + tx, p = pq / W, q = pq % W;
    const int R = M * K * L;
    T total = 0;
    for (int r0 = 0; r0 < R; r0 += TILE) {
        int r = r0 + tx, c = group * M + r / (K * L);
        ws[ty][tx] = k < C && r < R ? w[(c * C + k) * K * L + r % (K * L)] : 0;
        r = r0 + ty, c = group * M + r / (K * L);
        int u = r / L % K, v = r % L;
        int i = p + ph - u * dh, j = q + pw - v * dw;
        bool inside = r < R && pq < H * W && i >= 0 && i % sh == 0 && j >= 0 && j % sw == 0;
        i /= sh, j /= sw;
        inside = inside && i < OH && j < OW;
        gs[ty][tx] = inside ? gy[(n * F + c) * OH * OW + i * OW + j] : 0;
        __syncthreads();
        for (int t = 0; t < TILE; t++) total += ws[ty][t] * gs[t][tx];
        __syncthreads();
    }
    if (k < C && pq < H * W) gx[((n * groups + group) * C + k) * H * W + pq] = total;
}

// rows: filters m of the group; columns: weights kuv; the sum runs over s = (n, i, j)
extern "C" __global__ void conv2d_grad_weight(
        const T* __restrict__ gy, const T* __restrict__ x,
        int sh, int sw, int ph, int pw, int dh, int dw, int groups, T* __restrict__ gw,
        int N, int F, int OH, int OW, int C, int K, int L, int H, int W) {
    __shared__ T gs[TILE][TILE], xs[TILE][TILE];
    const int tx = threadIdx.x, ty = threadIdx.y;
    const int M = F / groups, tiles = (M + TILE - 1) / TILE, group = blockIdx.y / tiles;
    const int m = blockIdx.y % tiles * TILE + ty, c = group * M + m;
    const int kuv = blockIdx.x * TILE + tx, k = kuv / (K * L), u = kuv / L % K, v = kuv % L;
    const int P = OH * OW, S = N * P;
    T total = 0;
    for (int s0 = 0; s0 < S; s0 += TILE) {
        int s = s0 + tx, n = s / P;
        gs[ty][tx] = m < M && s < S ? gy[(n * F + c) * P + s % P] : 0;
        s = s0 + ty, n = s / P;
        int p = s % P / OW * sh + u * dh - ph, q = s % OW * sw + v * dw - pw;
        bool inside = s < S && k < C && 0 <= p && p < H && 0 <= q && q < W;
        xs[ty][tx] = inside ? x[((n * groups + group) * C + k) * H * W + p * W + q] : 0;
        __syncthreads();
        for (int t = 0; t < TILE; t++) total += gs[ty][t] * xs[t][tx];
        __syncthreads();
    }
    if (m < M && k < C) gw[c * C * K * L + kuv] = total;
}
