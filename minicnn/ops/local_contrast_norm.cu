// The weighted sum of a window: one thread for each pixel, the loops of local_contrast_norm.py.

extern "C" __global__ void window_sum(
        const T* a, const T* w, int above, int left, T* y, int size, int H, int W, int K, int L) {
    int index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= size) return;
    int j = index % W, i = index / W % H;
    a += index / W / H * H * W;
    T total = 0;
    for (int u = max(above - i, 0); u < min(above - i + H, K); u++)
        for (int v = max(left - j, 0); v < min(left - j + W, L); v++)
            total += w[u * L + v] * a[(i + u - above) * W + j + v - left];
    y[index] = total;
}
