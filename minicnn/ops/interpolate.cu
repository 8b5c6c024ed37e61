// Interpolation: one thread for each element of the result, the loops of interpolate.py.

extern "C" __global__ void resample(
        const T* x, const long long* rows, const T* row_weights, const long long* cols,
        const T* col_weights, T* y, int size, int OH, int OW, int H, int W, int A, int B) {
    int index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= size) return;
    int j = index % OW, i = index / OW % OH;
    x += index / OW / OH * H * W;
    T total = 0;
    for (int l = 0; l < B; l++) {
        const T col_weight = col_weights[l * OW + j];
        if (col_weight == 0) continue;
        T mixed = 0;
        for (int k = 0; k < A; k++) {
            const T weight = row_weights[k * OH + i];
            if (weight != 0) mixed += weight * x[rows[k * OH + i] * W + cols[l * OW + j]];
        }
        total += col_weight * mixed;
    }
    y[index] = total;
}
