// Convolution along a connection table: one thread for each result, the loops of conv2d_table.py.
// The table has a third column, which only conv2d_table_dense reads: the edges in the order of
// (output map, input map).

extern "C" __global__ void conv2d_table_forward(
        const T* x, const T* f, const T* b, const long long* table,
        int sh, int sw, int ph, int pw, int dh, int dw, T* y,
        int N, int F, int OH, int OW, int C, int H, int W, int E, int K, int L) {
    int index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= N * F * OH * OW) return;
    int j = index % OW, i = index / OW % OH, c = index / OW / OH % F, n = index / OW / OH / F;
    T total = b[c];
    for (int e = 0; e < E; e++) {
        if (table[3 * e + 1] != c) continue;
        const T* plane = x + (n * C + table[3 * e]) * H * W;
        for (int u = 0; u < K; u++)
            for (int v = 0; v < L; v++) {
                int p = i * sh + u * dh - ph, q = j * sw + v * dw - pw;
                if (0 <= p && p < H && 0 <= q && q < W)
                    total += f[(e * K + u) * L + v] * plane[p * W + q];
            }
    }
    y[index] = total;
}

extern "C" __global__ void conv2d_table_grad_input(
        const T* gy, const T* f, const long long* table,
        int sh, int sw, int ph, int pw, int dh, int dw, T* gx,
        int N, int C, int H, int W, int F, int OH, int OW, int E, int K, int L) {
    int index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= N * C * H * W) return;
    int q = index % W, p = index / W % H, k = index / W / H % C, n = index / W / H / C;
    T total = 0;
    for (int e = 0; e < E; e++) {
        if (table[3 * e] != k) continue;
        const T* plane = gy + (n * F + table[3 * e + 1]) * OH * OW;
        for (int u = 0; u < K; u++)
            for (int v = 0; v < L; v++) {
                int i = p + ph - u * dh, j = q + pw - v * dw;
                if (i < 0 || j < 0 || i % sh || j % sw) continue;
                i /= sh, j /= sw;
                if (i < OH && j < OW) total += f[(e * K + u) * L + v] * plane[i * OW + j];
            }
    }
    gx[index] = total;
}

extern "C" __global__ void conv2d_table_grad_weight(
        const T* gy, const T* x, const long long* table,
        int sh, int sw, int ph, int pw, int dh, int dw, T* gf,
        int N, int F, int OH, int OW, int C, int H, int W, int E, int K, int L) {
    int index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= E * K * L) return;
    int v = index % L, u = index / L % K, e = index / L / K;
    T total = 0;
    for (int n = 0; n < N; n++) {
        const T* g = gy + (n * F + table[3 * e + 1]) * OH * OW;
        const T* plane = x + (n * C + table[3 * e]) * H * W;
        for (int i = 0; i < OH; i++)
            for (int j = 0; j < OW; j++) {
                int p = i * sh + u * dh - ph, q = j * sw + v * dw - pw;
                if (0 <= p && p < H && 0 <= q && q < W) total += g[i * OW + j] * plane[p * W + q];
            }
    }
    gf[index] = total;
}

// The filters as a weight (F, C, K, L) of conv2d: each thread looks up the edges from k to c, of
// which there may be none or several, by halving the ordered list, and adds their numbers.
extern "C" __global__ void conv2d_table_dense(
        const T* f, const long long* table, T* w, int F, int C, int E, int K, int L) {
    int index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= F * C * K * L) return;
    int uv = index % (K * L), k = index / (K * L) % C, c = index / (K * L) / C;
    int first = 0, end = E;
    while (first < end) {
        int middle = (first + end) / 2;
        const long long* edge = table + 3 * table[3 * middle + 2];
        if (edge[1] < c || (edge[1] == c && edge[0] < k)) first = middle + 1;
        else end = middle;
    }
    T total = 0;
    for (int m = first; m < E; m++) {
        int e = (int)table[3 * m + 2];
        if (table[3 * e + 1] != c || table[3 * e] != k) break;
        total += f[e * K * L + uv];
    }
    w[index] = total;
}

// The way back: the gradient of an edge is that of its place in the weight.
extern "C" __global__ void conv2d_table_pick(
        const T* gw, const long long* table, T* gf, int C, int E, int K, int L) {
    int index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= E * K * L) return;
    int uv = index % (K * L), e = index / (K * L);
    gf[index] = gw[(table[3 * e + 1] * C + table[3 * e]) * K * L + uv];
}
