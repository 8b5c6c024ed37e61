// Softmax and its logarithm: one thread for each position (a, b), the loops of softmax.py.

extern "C" __global__ void exponentials(
        const T* x, T* y, T* largest, T* total, int A, int C, int B) {
    int ab = blockIdx.x * blockDim.x + threadIdx.x;
    if (ab >= A * B) return;
    x += ab / B * C * B + ab % B;
    y += ab / B * C * B + ab % B;
    T m = x[0], sum = 0;
    for (int c = 1; c < C; c++) m = x[c * B] > m ? x[c * B] : m;
    for (int c = 0; c < C; c++) {
        y[c * B] = exp(x[c * B] - m);
        sum += y[c * B];
    }
    largest[ab] = m;
    total[ab] = sum;
}

extern "C" __global__ void softmax_forward(const T* x, T* y, int A, int C, int B) {
    int ab = blockIdx.x * blockDim.x + threadIdx.x;
    if (ab >= A * B) return;
    x += ab / B * C * B + ab % B;
    y += ab / B * C * B + ab % B;
    T largest = x[0];
    for (int c = 1; c < C; c++) largest = x[c * B] > largest ? x[c * B] : largest;
    T total = 0;
    for (int c = 0; c < C; c++) {
        y[c * B] = exp(x[c * B] - largest);
        total += y[c * B];
    }
    for (int c = 0; c < C; c++) y[c * B] /= total;
}

extern "C" __global__ void softmax_backward(
        const T* gy, const T* y, T* gx, int A, int C, int B) {
    int ab = blockIdx.x * blockDim.x + threadIdx.x;
    if (ab >= A * B) return;
    int first = ab / B * C * B + ab % B;
    T total = 0;
    for (int c = 0; c < C; c++) total += gy[first + c * B] * y[first + c * B];
    for (int c = 0; c < C; c++)
        gx[first + c * B] = y[first + c * B] * (gy[first + c * B] - total);
}

extern "C" __global__ void log_softmax_forward(const T* x, T* y, int A, int C, int B) {
    int ab = blockIdx.x * blockDim.x + threadIdx.x;
    if (ab >= A * B) return;
    x += ab / B * C * B + ab % B;
    y += ab / B * C * B + ab % B;
    T largest = x[0];
    for (int c = 1; c < C; c++) largest = x[c * B] > largest ? x[c * B] : largest;
    T total = 0;
    for (int c = 0; c < C; c++) total += exp(x[c * B] - largest);
    T log_total = log(total);
    for (int c = 0; c < C; c++) y[c * B] = x[c * B] - largest - log_total;
}

extern "C" __global__ void log_softmax_backward(
        const T* gy, const T* y, T* gx, int A, int C, int B) {
    int ab = blockIdx.x * blockDim.x + threadIdx.x;
    if (ab >= A * B) return;
    int first = ab / B * C * B + ab % B;
    T total = 0;
    for (int c = 0; c < C; c++) total += gy[first + c * B];
    for (int c = 0; c < C; c++)
        gx[first + c * B] = gy[first + c * B] - exp(y[first + c * B]) * total;
}
