// Max pooling: one thread for each element of the result, the loops of max_pool2d.py.

extern "C" __global__ void max_pool2d_forward(
        const T* x, int K, int L, int sh, int sw, int ph, int pw, int dh, int dw, T* y, int* where,
        int size, int OH, int OW, int H, int W) {
    int index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= size) return;
    int j = index % OW, i = index / OW % OH;
    x += index / OW / OH * H * W;
    T best = log(T(0));  // minus infinity
    int winner = -1;
    for (int u = 0; u < K; u++) {
        int p = i * sh + u * dh - ph;
        if (p < 0 || p >= H) continue;
        for (int v = 0; v < L; v++) {
            int q = j * sw + v * dw - pw;
            if (q < 0 || q >= W) continue;
            T value = x[p * W + q];
            if (winner < 0 || value > best || value != value) best = value, winner = p * W + q;
        }
    }
    y[index] = best;
    where[index] = winner;
}

extern "C" __global__ void max_pool2d_backward(
        const T* gy, const int* where, int K, int L, int sh, int sw, int ph, int pw, int dh, int dw,
        T* gx, int size, int OH, int OW, int H, int W) {
    int index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= size) return;
    int q = index % W, p = index / W % H;
    gy += index / W / H * OH * OW;
    where += index / W / H * OH * OW;
    T total = 0;
    for (int u = 0; u < K; u++) {
        int i = p + ph - u * dh;
        if (i < 0 || i % sh || i / sh >= OH) continue;
        for (int v = 0; v < L; v++) {
            int j = q + pw - v * dw;
            if (j < 0 || j % sw || j / sw >= OW) continue;
            int window = i / sh * OW + j / sw;
            if (where[window] == p * W + q) total += gy[window];
        }
    }
    gx[index] = total;
}
