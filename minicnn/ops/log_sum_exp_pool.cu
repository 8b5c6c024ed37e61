// Log-sum-exp pooling, forward: 256 threads for each a, whose partial results are combined two by
// two. Backward: one thread for each element.

extern "C" __global__ void log_sum_exp_pool_forward(const T* x, T r, T* y, int M) {
    __shared__ T parts[256];
    const int t = threadIdx.x;
    x += blockIdx.x * M;
    T m = r * x[0];
    for (int i = t; i < M; i += 256) m = r * x[i] > m ? r * x[i] : m;
    parts[t] = m;
    __syncthreads();
    for (int half = 128; half > 0; half /= 2) {
        if (t < half && parts[t + half] > parts[t]) parts[t] = parts[t + half];
        __syncthreads();
    }
    m = parts[0];
    __syncthreads();  // all have read it before the sums take its place
    T S = 0;
    for (int i = t; i < M; i += 256) S += exp(r * x[i] - m);
    parts[t] = S;
    __syncthreads();
    for (int half = 128; half > 0; half /= 2) {
        if (t < half) parts[t] += parts[t + half];
        __syncthreads();
    }
    if (t == 0) y[blockIdx.x] = (m + log(parts[0] / M)) / r;
}

extern "C" __global__ void log_sum_exp_pool_backward(
        const T* gy, const T* x, const T* y, T r, T* gx, int A, int M) {
    int index = blockIdx.x * blockDim.x + threadIdx.x, a = index / M;
    if (index < A * M) gx[index] = gy[a] * exp(r * (x[index] - y[a])) / M;
}
