// Max pooling over maps and pixels: one thread for each element of the result, the loops of
// max_pool_maps.py.

extern "C" __global__ void max_pool_maps_forward(
        const T* x, const int* first, const int* members, int K, int L, int sh, int sw,
        int ph, int pw, T* y, int* where, int size, int F, int OH, int OW, int C, int H, int W) {
    int index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= size) return;
    int j = index % OW, i = index / OW % OH, c = index / OW / OH % F;
    x += index / OW / OH / F * C * H * W;
    T best = log(T(0));  // minus infinity
    int winner = -1;
    for (int m = first[c]; m < first[c + 1]; m++) {
        int d = members[m];
        for (int p = max(i * sh - ph, 0); p < min(i * sh - ph + K, H); p++)
            for (int q = max(j * sw - pw, 0); q < min(j * sw - pw + L, W); q++) {
                T value = x[(d * H + p) * W + q];
                if (winner < 0 || value > best || value != value)
                    best = value, winner = (d * H + p) * W + q;
            }
    }
    y[index] = best;
    where[index] = winner;
}

extern "C" __global__ void max_pool_maps_backward(
        const T* gy, const int* where, const int* first, const int* results, int K, int L,
        int sh, int sw, int ph, int pw, T* gx,
        int size, int F, int OH, int OW, int C, int H, int W) {
    int index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= size) return;
    int q = index % W, p = index / W % H, d = index / W / H % C, n = index / W / H / C;
    T total = 0;
    for (int m = first[d]; m < first[d + 1]; m++) {
        int map = (n * F + results[m]) * OH * OW;
        for (int u = 0; u < K; u++) {
            int i = p + ph - u;
            if (i < 0 || i % sh || i / sh >= OH) continue;
            for (int v = 0; v < L; v++) {
                int j = q + pw - v;
                if (j < 0 || j % sw || j / sw >= OW) continue;
                int window = i / sh * OW + j / sw;
                if (where[map + window] == (d * H + p) * W + q) total += gy[map + window];
            }
        }
    }
    gx[index] = total;
}
