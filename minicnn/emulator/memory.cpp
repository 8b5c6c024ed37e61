// Checked mode: every load and store of a kernel is looked at before it happens.
//
// How do we see them? g++ -fsanitize=thread puts a call in front of each one: __tsan_read4(p) before
// 4 bytes are read at p, __tsan_write8(p) before 8 are written, and so on. They usually lead into a
// library that looks for races between the threads of the operating system. We compile with that
// option but do not link that library: the functions of these names are below. The same goes for
// -fsanitize=undefined, whose calls say that an int has overflowed or an index is out of its array.
//
// What is known of memory lies beside it, one entry for each element: whether it was ever written
// (`written`, which outlives the launch) and who read and wrote it last (`cells`).
//
// Two accesses to one element, at least one of them a write, are a *race* unless something puts them
// in order: a __syncthreads() between them, or for lanes of one warp a __syncwarp(), both of which we
// count in epochs; or both are atomic. Nothing puts two blocks of one launch in order.
#include "runtime.h"
#include <cstdlib>

static Region shared[2];  // __shared__ arrays, extern __shared__ array
static const long ENDLESS_STEPS = 100'000'000;

static void add_cells(Region& r) {
    r.cells = (Cell*)calloc((r.end - r.begin) / r.item + 1, sizeof(Cell));
}
void check_memory_begin() {
    shared[0] = {launch->shared_begin, launch->shared_end, 4, nullptr, nullptr};
    shared[1] = {dynamic_memory, dynamic_memory + launch->dynamic_bytes, 4, nullptr, nullptr};
    add_cells(shared[0]), add_cells(shared[1]);
    for (int k = 0; k < launch->region_count; k++) add_cells(launch->regions[k]);
}
void check_memory_end() {
    free(shared[0].cells), free(shared[1].cells);
    for (int k = 0; k < launch->region_count; k++) free(launch->regions[k].cells);
}

static bool unordered(const Access& then, const Access& now, bool in_shared) {
    if (!then.block || (in_shared && then.block != now.block)) return false;  // nobody was here
    if (then.block != now.block) return true;
    bool same_warp = then.thread / 32 == now.thread / 32;
    return then.thread != now.thread && then.epoch == now.epoch
        && !(same_warp && then.warp_epoch != now.warp_epoch);
}

static void complain(Kind kind, const void* pc, const char* place, unsigned size, bool writing) {
    Failure* f = fail(kind, pc);
    f->address = place, f->size = size, f->writing = writing;
    give_up();
}
static void complain_of_race(const Access& then, bool wrote, const Access& now, const char* place,
                             bool writing) {
    Failure* f = fail(RACE, now.pc);
    f->address = place, f->writing = writing;
    f->other_pc = then.pc, f->other_writing = wrote;
    f->other_block = block_index(then.block - 1), f->other_thread = thread_index(then.thread);
    give_up();
}

static void step(const void* pc) {
    if (++steps > ENDLESS_STEPS) fail(ENDLESS, pc), give_up();
}

enum { READ = 1, WRITE = 2, ATOMIC = 3 };
static void access(const void* pointer, unsigned size, int what, const void* pc) {
    const char* place = (const char*)pointer;
    if (!running || (uintptr_t)(place - fiber_stack) < STACK) return;  // a local variable
    step(pc);
    Region* r = nullptr;
    bool in_shared = false, writing = what & WRITE;
    auto holds = [&](Region& one) { return place >= one.begin && place + size <= one.end; };
    for (int k = 0; k < 2 && !r; k++)
        if (holds(shared[k])) r = &shared[k], in_shared = true;
    for (int k = 0; k < launch->region_count && !r; k++)
        if (holds(launch->regions[k])) r = &launch->regions[k];
    if (!r) complain(OUTSIDE, pc, place, size, writing);
    count_traffic(pc, in_shared, place, size);
    Access now = {uint32_t(block_number) + 1, epoch, warp_epoch[thread_number / 32],
                  uint16_t(thread_number), what == ATOMIC, pc};
    int64_t first = (place - r->begin) / r->item, last = (place + size - 1 - r->begin) / r->item;
    for (int64_t k = first; k <= last; k++) {
        Cell& cell = r->cells[k];
        bool written = in_shared ? cell.write.block == now.block : !r->written || r->written[k];
        if (what & READ && !written) complain(UNINITIALISED, pc, place, size, false);
        if (unordered(cell.write, now, in_shared) && !(cell.write.atomic && now.atomic))
            complain_of_race(cell.write, true, now, place, writing);
        if (writing) {
            for (Access* then : {&cell.read, &cell.earlier_read})
                if (unordered(*then, now, in_shared))
                    complain_of_race(*then, false, now, place, true);
            cell.write = now;
            block_wrote |= !in_shared;
            if (!in_shared && r->written) r->written[k] = true;
        } else {
            // The last two readers are kept, so that one of them is not the thread that writes next.
            if (cell.read.thread != now.thread || cell.read.block != now.block)
                cell.earlier_read = cell.read;
            cell.read = now;
        }
    }
}

// ---------------------------------------------------------------- the calls that g++ has put in
#define PC __builtin_return_address(0)
#define HOOKS(n)                                                                  \
    extern "C" void __tsan_read##n(void* p) { access(p, n, READ, PC); }           \
    extern "C" void __tsan_write##n(void* p) { access(p, n, WRITE, PC); }         \
    extern "C" void __tsan_unaligned_read##n(void* p) { access(p, n, READ, PC); } \
    extern "C" void __tsan_unaligned_write##n(void* p) { access(p, n, WRITE, PC); }
HOOKS(1) HOOKS(2) HOOKS(4) HOOKS(8) HOOKS(16)
extern "C" void __tsan_read_range(char* p, unsigned long n) {
    for (unsigned long k = 0; k < n; k += 4) access(p + k, 4, READ, PC);
}
extern "C" void __tsan_write_range(char* p, unsigned long n) {
    for (unsigned long k = 0; k < n; k += 4) access(p + k, 4, WRITE, PC);
}
extern "C" void __sanitizer_cov_trace_pc() {  // at every branch: some loops touch no memory
    if (running) step(PC);
}
extern "C" void __tsan_init() {}
extern "C" void __tsan_func_entry(void*) {}
extern "C" void __tsan_func_exit() {}
extern "C" void atomic_access(void* p, int size) {
    if (launch->checked) access(p, size, ATOMIC, PC);
}

struct Source { const char* file; unsigned line, column; };  // the first field of what each one gets
static void undefined(Source* where, const char* what) {
    if (!running) return;
    Failure* f = fail(UNDEFINED);
    f->line = where->line;
    strncpy(f->text, what, sizeof f->text - 1);
    give_up();
}
#define UNDEFINED_BEHAVIOUR(name, what) \
    extern "C" void __ubsan_handle_##name(Source* where, void*, void*) { undefined(where, what); }
UNDEFINED_BEHAVIOUR(add_overflow, "an int overflows in an addition")
UNDEFINED_BEHAVIOUR(sub_overflow, "an int overflows in a subtraction")
UNDEFINED_BEHAVIOUR(mul_overflow, "an int overflows in a product")
UNDEFINED_BEHAVIOUR(negate_overflow, "an int overflows in a change of sign")
UNDEFINED_BEHAVIOUR(divrem_overflow, "an integer is divided by zero")
UNDEFINED_BEHAVIOUR(shift_out_of_bounds, "a shift by more bits than there are")
UNDEFINED_BEHAVIOUR(float_cast_overflow, "a float that no int can hold becomes one")
UNDEFINED_BEHAVIOUR(out_of_bounds, "an index lies outside of its array, out of bounds")
UNDEFINED_BEHAVIOUR(type_mismatch_v1, "a misaligned vector: its address is no multiple of its size")
