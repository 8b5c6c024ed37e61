// A grid of CUDA threads on one CPU core.
//
// Blocks run one after the other. Inside a block every thread is a *fiber*: a stack of its own and a
// place where it stopped. A fiber runs until it waits, at __syncthreads() or for its warp; then it
// switches to the scheduler, which lets the next one run. When all threads wait at the same barrier
// they all may go on. So barriers are real: nobody passes before everybody has come.
//
// Most kernels never wait. So a fiber whose thread has ended takes the next thread by itself, and a
// kernel without barriers is a plain loop over its threads.
#include "runtime.h"
#include <algorithm>
#include <numeric>
#include <random>
#include <sys/mman.h>

Launch* launch;
bool running;
int thread_number, block_number;
uint32_t epoch, warp_epoch[32];
long steps;
bool block_wrote;
char *fiber_stack, *dynamic_memory;
extern "C" { Index threadIdx, blockIdx, blockDim, gridDim; }

// ------------------------------------------------------------------------ fibers: changing stacks
// A function that calls `switch_stacks(&mine, other)` stops there, with its stack pointer kept in
// `mine`, and what stopped with `other` goes on. By the rules of x86-64 calls only six registers have
// to outlive a call; they wait on the stack. Elsewhere ucontext does it, about ten times slower.
#if defined(__x86_64__) && !defined(USE_UCONTEXT)
typedef void* Context;
extern "C" void switch_stacks(void** mine, void* other);
asm(".pushsection .text\n.hidden switch_stacks\n.globl switch_stacks\nswitch_stacks:\n"
    "push %rbp\n push %rbx\n push %r12\n push %r13\n push %r14\n push %r15\n"
    "mov %rsp, (%rdi)\n mov %rsi, %rsp\n"
    "pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbx\n pop %rbp\n ret\n.popsection\n");
static void switch_to(Context& mine, Context& other) { switch_stacks(&mine, other); }
static void start_at(Context& fiber, char* stack, void (*function)()) {
    void** top = (void**)(stack + STACK) - 1;  // as if a call had left its return address there
    *--top = (void*)function;
    fiber = top - 6;  // whatever the six registers hold at first
}
#else
#include <ucontext.h>
typedef ucontext_t Context;
static void switch_to(Context& mine, Context& other) { swapcontext(&mine, &other); }
static void start_at(Context& fiber, char* stack, void (*function)()) {
    getcontext(&fiber);
    fiber.uc_stack.ss_sp = stack;
    fiber.uc_stack.ss_size = STACK;
    makecontext(&fiber, function, 0);
}
#endif

enum State { READY, AT_BARRIER, AT_WARP, DONE };
struct Fiber { Context context; char* stack; };
struct Thread {
    Fiber* fiber;
    State state;
    int line;                  // where it waits
    unsigned mask;             // the lanes that it waits for,
    int from;                  // the one whose value it takes; -1: it only waits
    uint64_t gives, takes;     // what it gives to the others; and what it got
    unsigned partners, votes;  // the lanes that met; those of them that gave 1
};
static std::vector<Fiber*> all_fibers, idle_fibers;
static Fiber* fiber;        // the one that runs
static Context scheduler;
static std::vector<Thread> threads;
static std::vector<int> order;  // in which threads run; at every barrier another one, if random
static size_t next_in_order;
static const int ENDLESS_BARRIERS = 400'000, ENDLESS_WARP_WAITS = 100'000'000;  // of one block
static std::mt19937 dice;

Index thread_index(int n) {
    return {n % blockDim.x, n / blockDim.x % blockDim.y, n / (blockDim.x * blockDim.y)};
}
Index block_index(int n) {
    return {n % gridDim.x, n / gridDim.x % gridDim.y, n / (gridDim.x * gridDim.y)};
}
static void be(int thread) {
    thread_number = thread;
    steps = 0;
    threadIdx = thread_index(thread);
}
static void to_scheduler() { switch_to(fiber->context, scheduler); }
static void run_fiber(Fiber* next) {
    fiber = next;
    fiber_stack = next->stack;
    running = true;
    switch_to(scheduler, next->context);
    running = false;
}

Failure* fail(Kind kind, const void* pc) {
    Failure* f = &launch->failure;
    *f = {};
    f->kind = kind, f->pc = pc, f->block = blockIdx, f->thread = threadIdx;
    return f;
}
void give_up() {
    to_scheduler();  // which never comes back here
    __builtin_unreachable();
}

static void fiber_main() {
    while (true) {
        while (next_in_order < order.size()) {
            int number = order[next_in_order++];
            threads[number].fiber = fiber;
            be(number);
            launch->kernel(launch->arguments);
            threads[thread_number].state = DONE;
        }
        idle_fibers.push_back(fiber);
        to_scheduler();
    }
}
static Fiber* idle_fiber() {
    if (idle_fibers.empty()) {
        int protection = PROT_READ | PROT_WRITE, kind = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
        Fiber* made = new Fiber();
        made->stack = (char*)mmap(nullptr, STACK, protection, kind, -1, 0);
        mprotect(made->stack, 4096, PROT_NONE);  // a stack that overflows hits this page
        start_at(made->context, made->stack, fiber_main);
        all_fibers.push_back(made);
        return made;
    }
    Fiber* found = idle_fibers.back();
    idle_fibers.pop_back();
    return found;
}

// --------------------------------------------------------------------------- waiting, in a thread
static Thread& wait(State why, int line, unsigned mask = 0, int from = -1, uint64_t gives = 0) {
    int me = thread_number;
    threads[me] = {threads[me].fiber, why, line, mask, from, gives, 0, 0, 0};
    to_scheduler();
    be(me);
    return threads[me];
}
extern "C" void block_barrier(int line) { wait(AT_BARRIER, line); }
extern "C" void warp_barrier(unsigned mask, int line) { wait(AT_WARP, line, mask); }
extern "C" int lane_number() { return thread_number % 32; }
extern "C" void* dynamic_shared() { return dynamic_memory; }
extern "C" void warp_exchange(void* value, int size, int from, unsigned mask, int line) {
    uint64_t gives = 0;
    memcpy(&gives, value, size);
    Thread& me = wait(AT_WARP, line, mask, from, gives);
    if (!(me.partners >> from & 1)) {
        Failure* f = fail(ABSENT_LANE);
        f->line = line, f->number = from;
        give_up();
    }
    memcpy(value, &me.takes, size);
}
extern "C" unsigned warp_ballot(bool yes, unsigned mask, int line) {
    return wait(AT_WARP, line, mask, 0, yes).votes;
}

// --------------------------------------------------------------------------------- the scheduler
static void shuffle_order() {
    if (launch->order == RANDOM) std::shuffle(order.begin(), order.end(), dice);
}

// Lets lanes of a warp go on for whom everybody they wait for has come; false if there are none.
static bool release_warp(int first) {
    int last = std::min<int>(first + 32, threads.size());
    for (int leader = first; leader < last; leader++) {
        if (threads[leader].state != AT_WARP) continue;
        unsigned met = 0, missing = 0, votes = 0;
        for (int t = first; t < last; t++) {
            unsigned lane = threads[leader].mask & 1u << (t - first);
            bool here = threads[t].state == AT_WARP && threads[t].line == threads[leader].line;
            if (here) met |= lane, votes |= threads[t].gives ? lane : 0;
            else if (threads[t].state != DONE) missing |= lane;
        }
        if (missing || !met) continue;
        for (int t = first; t < last; t++) {
            if (!(met >> (t - first) & 1)) continue;
            threads[t].state = READY;
            threads[t].partners = met, threads[t].votes = votes;
            int from = threads[t].from;
            if (from >= 0 && met >> from & 1) threads[t].takes = threads[first + from].gives;
        }
        // A __syncwarp() puts accesses to memory in order; an exchange of values does not.
        if (threads[leader].from < 0) warp_epoch[first / 32]++;
        return true;
    }
    return false;
}

// Everybody waits or has ended: lets go on who may, or says why nobody may. False: block is done.
static bool release() {
    int waiting = -1, other = -1, ended = -1, alive = 0, at_barrier = 0;
    for (int t = 0; t < (int)threads.size(); t++) {
        if (threads[t].state == DONE) { ended = t; continue; }
        alive++;
        if (threads[t].state != AT_BARRIER) continue;
        at_barrier++;
        if (waiting < 0) waiting = t;
        else if (threads[t].line != threads[waiting].line) other = t;
    }
    if (!alive) return false;
    if (at_barrier == alive && ended < 0 && other < 0) {
        epoch++;
        for (Thread& t : threads) t.state = READY;
        return true;
    }
    bool any = false;
    if (at_barrier < alive)
        for (int first = 0; first < (int)threads.size(); first += 32) any |= release_warp(first);
    if (any) return true;
    for (int t = 0; waiting < 0; t++)
        if (threads[t].state == AT_WARP) waiting = t;
    be(waiting);
    Failure* f = fail(at_barrier < alive ? DEADLOCK : ended >= 0 ? LEFT_BEHIND : OTHER_BARRIER);
    f->line = threads[waiting].line;
    f->number = at_barrier < alive ? alive - at_barrier : threads.size() - alive;
    if (f->kind != DEADLOCK) f->other_thread = thread_index(ended >= 0 ? ended : other);
    if (f->kind == OTHER_BARRIER) f->other_line = threads[other].line;
    return false;
}

// A loop around a barrier: everybody waits, goes on, waits again.
static void complain_of_endless() {
    for (int t = 0; t < (int)threads.size() && !launch->failure.kind; t++)
        if (threads[t].state != DONE) be(t), fail(ENDLESS)->line = threads[t].line;
}

static void run_block() {
    blockIdx = block_index(block_number);
    epoch = 0, next_in_order = 0;
    memset(warp_epoch, 0, sizeof warp_epoch);
    memset(launch->shared_begin, 0xff, launch->shared_end - launch->shared_begin);
    if (dynamic_memory) memset(dynamic_memory, 0xff, launch->dynamic_bytes);
    std::fill(threads.begin(), threads.end(), Thread());
    shuffle_order();
    while (next_in_order < order.size() && !launch->failure.kind) run_fiber(idle_fiber());
    for (int waits = 0; !launch->failure.kind && release(); waits++) {
        shuffle_order();
        for (int t : order)
            if (threads[t].state == READY && !launch->failure.kind)
                be(t), run_fiber(threads[t].fiber);
        if (epoch > ENDLESS_BARRIERS || waits > ENDLESS_WARP_WAITS) complain_of_endless();
    }
}

FOR_PYTHON int run(Launch* given) {
    launch = given;
    gridDim = launch->grid, blockDim = launch->block;
    std::vector<char> dynamic(launch->dynamic_bytes + 128);
    char* aligned = (char*)(((uintptr_t)dynamic.data() + 127) & ~127ul);
    dynamic_memory = launch->dynamic_bytes ? aligned : nullptr;
    dice.seed(launch->seed);
    threads.assign(blockDim.x * blockDim.y * blockDim.z, Thread());
    order.resize(threads.size());
    std::vector<int> block_order(gridDim.x * gridDim.y * gridDim.z);
    for (auto* numbers : {&order, &block_order}) {
        std::iota(numbers->begin(), numbers->end(), 0);
        if (launch->order == REVERSED) std::reverse(numbers->begin(), numbers->end());
        if (launch->order == RANDOM) std::shuffle(numbers->begin(), numbers->end(), dice);
    }
    idle_fibers = all_fibers;  // those that a failed launch left in the middle of a kernel start anew
    for (Fiber* f : all_fibers) start_at(f->context, f->stack, fiber_main);
    if (launch->checked) check_memory_begin();
    for (int block : block_order) {
        block_number = block, block_wrote = false;
        run_block();
        if (launch->failure.kind) break;
        if (launch->checked) launch->idle_blocks += !block_wrote, count_traffic_end_of_block();
    }
    if (launch->checked) check_memory_end();
    launch = nullptr;
    return given->failure.kind;
}
