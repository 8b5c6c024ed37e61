// Average pooling: one thread for each element of the result, the loops of avg_pool2d.py.

extern "C" __global__ void avg_pool2d_forward(
        const T* x, const T* divisor, int K, int L, int sh, int sw, int ph, int pw, T* y,
        int size, int OH, int OW, int H, int W) {
    int index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= size) return;
    int j = index % OW, i = index / OW % OH;
    x += index / OW / OH * H * W;
    T total = 0;
    for (int p = max(i * sh - ph, 0); p < min(i * sh - ph + K, H); p++)
        for (int q = max(j * sw - pw, 0); q < min(j * sw - pw + L, W); q++) total += x[p * W + q];
    y[index] = total / divisor[i * OW + j];
}

extern "C" __global__ void avg_pool2d_backward(
        const T* gy, const T* divisor, int K, int L, int sh, int sw, int ph, int pw, T* gx,
        int size, int OH, int OW, int H, int W) {
    int index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= size) return;
    int q = index % W, p = index / W % H;
    gy += index / W / H * OH * OW;
    T total = 0;
    for (int u = 0; u < K; u++) {
        int i = p + ph - u;
        if (i < 0 || i % sh || i / sh >= OH) continue;
        for (int v = 0; v < L; v++) {
            int j = q + pw - v;
            if (j < 0 || j % sw || j / sw >= OW) continue;
            int window = i / sh * OW + j / sw;
            total += gy[window] / divisor[window];
        }
    }
    gx[index] = total;
}
