// Local response normalisation: one thread for each element, the loops of local_response_norm.py.

__device__ T damped(T value, T S, T beta) {
    if (beta == T(0.75)) return value / (sqrt(S) * sqrt(sqrt(S)));
    return value * pow(S, -beta);
}

extern "C" __global__ void local_response_norm_forward(
        const T* x, int c0, int c1, int p0, int p1, T k, T a, T beta, T* S, T* y,
        int size, int C, int H, int W) {
    int index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= size) return;
    int j = index % W, i = index / W % H, c = index / W / H % C;
    const T* picture = x + index / W / H / C * C * H * W;
    T total = 0;
    for (int d = max(c - c0, 0); d < min(c + c1 + 1, C); d++)
        for (int p = max(i - p0, 0); p < min(i + p1 + 1, H); p++)
            for (int q = max(j - p0, 0); q < min(j + p1 + 1, W); q++) {
                T value = picture[(d * H + p) * W + q];
                total += value * value;
            }
    S[index] = k + a * total;
    y[index] = damped(x[index], k + a * total, beta);
}

extern "C" __global__ void local_response_norm_backward(
        const T* gy, const T* x, const T* S, const T* y, int c0, int c1, int p0, int p1,
        T a2, T beta, T* gx, int size, int C, int H, int W) {
    int index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= size) return;
    int j = index % W, i = index / W % H, c = index / W / H % C;
    int picture = index / W / H / C * C * H * W;
    T total = 0;  // mirrored: c1 back, c0 forth
    for (int d = max(c - c1, 0); d < min(c + c0 + 1, C); d++)
        for (int p = max(i - p1, 0); p < min(i + p0 + 1, H); p++)
            for (int q = max(j - p1, 0); q < min(j + p0 + 1, W); q++) {
                int there = picture + (d * H + p) * W + q;
                total += gy[there] * y[there] / S[there];
            }
    gx[index] = damped(gy[index], S[index], beta) - a2 * beta * x[index] * total;
}
