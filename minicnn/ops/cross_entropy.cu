// Cross-entropy: one thread for each pixel, the loops of cross_entropy.py.

extern "C" __global__ void cross_entropy_forward(
        const T* x, const T* largest, const T* S, const long long* target, int ignore,
        const T* on, const T* off, T* loss, int N, int C, int P) {
    int nb = blockIdx.x * blockDim.x + threadIdx.x;
    if (nb >= N * P) return;
    x += nb / P * C * P + nb % P;
    long long t = target[nb];
    T total = 0, log_S = log(S[nb]), m = largest[nb];
    if (t != ignore) {
        total = on[t] * (log_S - (x[t * P] - m));
        for (int c = 0; c < C; c++)
            if (off[c] != 0) total += off[c] * (log_S - (x[c * P] - m));  // 0 times infinity: a NaN
    }
    loss[nb] = total;
}

extern "C" __global__ void cross_entropy_backward(
        const T* g, const T* e, const T* S, const long long* target, int ignore,
        const T* on, const T* off, T* gx, int N, int C, int P) {
    int nb = blockIdx.x * blockDim.x + threadIdx.x;
    if (nb >= N * P) return;
    e += nb / P * C * P + nb % P;
    gx += nb / P * C * P + nb % P;
    long long t = target[nb];
    if (t == ignore) {
        for (int c = 0; c < C; c++) gx[c * P] = 0;
        return;
    }
    T all_q = on[t];
    for (int c = 0; c < C; c++) all_q += off[c];
    for (int c = 0; c < C; c++) {
        T q = c == t ? off[c] + on[t] : off[c];
        gx[c * P] = g[nb] * (e[c * P] / S[nb] * all_q - q);
    }
}
