// CUDA C for g++: the words that a CUDA compiler knows by itself, and g++ does not.
//
// A kernel is C++ with a few words more. `__global__` and `__device__` mean nothing on a CPU, so they
// become nothing; threadIdx is a variable that the scheduler (threads.cpp) sets before it lets a
// thread run; __syncthreads() is a call by which the running thread hands the CPU to another one.
// Like NVRTC this knows no #include, and what NVRTC does not know (INFINITY, uint32_t) is not here
// either. __CUDA_ARCH__ is not defined: assembly of a GPU stands inside #ifdef __CUDA_ARCH__, and a
// twin in plain words in #else.
#pragma once
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __constant__ static const
// One block runs at a time, so its shared memory is simply static memory, all in one place, where
// threads.cpp fills it with NaN before each block. (compiling.py rewrites `extern __shared__`.)
#define __shared__ static __attribute__((section("block_shared")))
#define RUNTIME extern "C" __attribute__((visibility("hidden")))
typedef __SIZE_TYPE__ size_t;

// ------------------------------------------------------------------------- vectors of numbers
#define VECTORS(T, N)                                                         \
    struct __align__(2 * sizeof(T)) N##2 { T x, y; };                         \
    struct N##3 { T x, y, z; };                                               \
    struct __align__(sizeof(T) < 4 ? 4 * sizeof(T) : 16) N##4 { T x, y, z, w; }; \
    static inline N##2 make_##N##2(T x, T y) { return {x, y}; }               \
    static inline N##3 make_##N##3(T x, T y, T z) { return {x, y, z}; }       \
    static inline N##4 make_##N##4(T x, T y, T z, T w) { return {x, y, z, w}; }
VECTORS(float, float) VECTORS(double, double) VECTORS(int, int) VECTORS(unsigned, uint)

typedef uint3 dim3;
RUNTIME const uint3 threadIdx, blockIdx, blockDim, gridDim;  // const: a kernel cannot change them
static const int warpSize = 32;

// -------------------------------------------------------------------------------- mathematics
#define MATH1(name)                                      \
    extern "C" float name##f(float) noexcept;            \
    extern "C" double name(double) noexcept;             \
    static inline float name(float x) { return name##f(x); }
#define MATH2(name)                                      \
    extern "C" float name##f(float, float) noexcept;     \
    extern "C" double name(double, double) noexcept;     \
    static inline float name(float x, float y) { return name##f(x, y); }
MATH1(exp) MATH1(exp2) MATH1(expm1) MATH1(log) MATH1(log2) MATH1(log1p) MATH1(sqrt) MATH1(cbrt)
MATH1(sin) MATH1(cos) MATH1(tan) MATH1(tanh) MATH1(erf) MATH1(fabs) MATH1(floor) MATH1(ceil)
MATH1(round) MATH1(rint) MATH1(trunc) MATH2(pow) MATH2(fmod) MATH2(fmax) MATH2(fmin)
MATH2(copysign) MATH2(atan2)
extern "C" float fmaf(float, float, float) noexcept;
extern "C" double fma(double, double, double) noexcept;
extern "C" int abs(int) noexcept;
static inline float abs(float x) { return fabsf(x); }
static inline double abs(double x) { return fabs(x); }
static inline float rsqrtf(float x) { return 1 / sqrtf(x); }
static inline double rsqrt(double x) { return 1 / sqrt(x); }
template <class T> static inline bool isnan(T x) { return __builtin_isnan(x); }
template <class T> static inline bool isinf(T x) { return __builtin_isinf(x); }
template <class T> static inline bool isfinite(T x) { return __builtin_isfinite(x); }
template <class A, class B> static inline auto min(A a, B b) -> decltype(a + b) { return b < a ? b : a; }
template <class A, class B> static inline auto max(A a, B b) -> decltype(a + b) { return a < b ? b : a; }
#define __expf expf  // the fast ones are less exact on a GPU
#define __logf logf
#define __powf powf
static inline float __fdividef(float a, float b) { return a / b; }
template <class To, class From> static inline To same_bits(From from) {
    To to;
    __builtin_memcpy(&to, &from, sizeof to);
    return to;
}
static inline int __float_as_int(float x) { return same_bits<int>(x); }
static inline float __int_as_float(int x) { return same_bits<float>(x); }
static inline unsigned __float_as_uint(float x) { return same_bits<unsigned>(x); }
static inline float __uint_as_float(unsigned x) { return same_bits<float>(x); }
static inline long long __double_as_longlong(double x) { return same_bits<long long>(x); }
static inline double __longlong_as_double(long long x) { return same_bits<double>(x); }
static inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned long long)a * b >> 32; }
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
template <class T> static inline T __ldg(const T* p) { return *p; }

// ----------------------------------------------------- threads that wait for one another (threads.cpp)
RUNTIME void block_barrier(int line);
RUNTIME void warp_barrier(unsigned mask, int line);
// The lanes in `mask` leave `value` for one another and wait; each takes what lane `from` has left.
RUNTIME void warp_exchange(void* value, int size, int from, unsigned mask, int line);
RUNTIME unsigned warp_ballot(bool yes, unsigned mask, int line);
RUNTIME int lane_number();
RUNTIME void* dynamic_shared();
#define __syncthreads() block_barrier(__LINE__)
static inline unsigned mask_of(unsigned mask = 0xffffffffu) { return mask; }
#define __syncwarp(...) warp_barrier(mask_of(__VA_ARGS__), __LINE__)
static inline void __threadfence() {}  // one thread runs at a time, so memory is never out of order
static inline void __threadfence_block() {}

template <class T> static inline T shuffle(unsigned mask, T value, int from, int line) {
    warp_exchange(&value, sizeof value, from, mask, line);
    return value;
}
static inline int in_warp(int lane) { return lane < 0 || lane > 31 ? lane_number() : lane; }
#define __shfl_sync(mask, v, lane) shuffle(mask, v, (lane) & 31, __LINE__)
#define __shfl_xor_sync(mask, v, bits) shuffle(mask, v, lane_number() ^ (bits), __LINE__)
#define __shfl_down_sync(mask, v, by) shuffle(mask, v, in_warp(lane_number() + int(by)), __LINE__)
#define __shfl_up_sync(mask, v, by) shuffle(mask, v, in_warp(lane_number() - int(by)), __LINE__)
#define __ballot_sync(mask, p) warp_ballot(p, mask, __LINE__)
#define __any_sync(mask, p) (warp_ballot(p, mask, __LINE__) != 0)
#define __all_sync(mask, p) (warp_ballot(!(p), mask, __LINE__) == 0)

// Threads change places only where they wait, so nothing can come between these reads and writes.
RUNTIME void atomic_access(void* place, int size);
#define ATOMIC(name, new_value)                                                          \
    template <class T, class V> __attribute__((no_sanitize("thread", "undefined")))      \
    static T name(T* place, V v) {                                                       \
        atomic_access(place, sizeof(T));                                                 \
        T old = *place, value = T(v);                                                    \
        *place = new_value;                                                              \
        return old;                                                                      \
    }
ATOMIC(atomicAdd, old + value) ATOMIC(atomicSub, old - value) ATOMIC(atomicExch, value)
ATOMIC(atomicMax, old > value ? old : value) ATOMIC(atomicMin, old < value ? old : value)
ATOMIC(atomicOr, old | value) ATOMIC(atomicAnd, old & value)
template <class T> __attribute__((no_sanitize("thread", "undefined")))
static T atomicCAS(T* place, T expected, T value) {
    atomic_access(place, sizeof(T));
    T old = *place;
    if (old == expected) *place = value;
    return old;
}

// ------------------------------------------------------------ how Python calls a kernel (launching.py)
template <class T> struct Code { static const int value = 0; };
template <class T> struct Code<const T> : Code<T> {};
template <class T> struct Code<T*> { static const int value = 256 + Code<T>::value; };
#define CODE(T, letter) template <> struct Code<T> { static const int value = letter; };
CODE(float, 'f') CODE(double, 'd') CODE(bool, '?') CODE(char, 'b') CODE(signed char, 'b')
CODE(unsigned char, 'B') CODE(short, 'h') CODE(unsigned short, 'H') CODE(int, 'i')
CODE(unsigned, 'I') CODE(long, 'l') CODE(unsigned long, 'L') CODE(long long, 'l')
CODE(unsigned long long, 'L')
template <class T> struct Plain { typedef T type; };
template <class T> struct Plain<const T> { typedef T type; };
template <int... K> struct Numbers {};
template <class... A, int... K> __attribute__((no_sanitize("thread", "undefined")))
static void call(void (*kernel)(A...), void** arguments, Numbers<K...>) {
    kernel(*(typename Plain<A>::type*)arguments[K]...);
}
template <class... A> static void codes_of(void (*)(A...), int* codes) {
    const int found[] = {Code<A>::value..., -1};
    for (unsigned k = 0; k <= sizeof...(A); k++) codes[k] = found[k];
}
template <class... A> static Numbers<__integer_pack(sizeof...(A))...> numbers_of(void (*)(A...));
#define EXPORT_KERNEL(name)                                                                    \
    extern "C" __attribute__((no_sanitize("thread", "undefined"))) void call_##name(void** a) { \
        call(&name, a, decltype(numbers_of(&name))());                                         \
    }                                                                                          \
    extern "C" __attribute__((no_sanitize("thread", "undefined"))) void codes_##name(int* codes) { \
        codes_of(&name, codes);                                                                \
    }
