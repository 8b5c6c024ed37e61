// What the files of the runtime share: threads.cpp runs the threads, memory.cpp watches what they
// read and write, traffic.cpp counts it. They are compiled once and linked to every kernel.
#pragma once
#include <cstdint>
#include <cstring>
#include <vector>
#define FOR_PYTHON extern "C" __attribute__((visibility("default")))  // all else stays inside

struct Index { unsigned x, y, z; };
extern "C" Index threadIdx, blockIdx, blockDim, gridDim;

// One access to an element: by whom, and how far the waiting had got. 0 in `block`: never happened.
struct Access { uint32_t block, epoch, warp_epoch; uint16_t thread; bool atomic; const void* pc; };
struct Cell { Access write, read, earlier_read; };  // of one element: the last ones of each kind

// Memory that a kernel may use: an argument's array, or the shared memory of the block.
struct Region { char* begin; char* end; int64_t item; bool* written; Cell* cells; };

// What went wrong; launching.py makes a sentence of it. The order of the kinds is that of its list.
enum Kind { NOTHING, OUTSIDE, UNINITIALISED, RACE, LEFT_BEHIND, OTHER_BARRIER, DEADLOCK,
            ENDLESS, ABSENT_LANE, UNDEFINED };
struct Failure {
    int kind, line, other_line, size, writing, other_writing, number;
    const void *pc, *other_pc, *address;
    Index block, thread, other_block, other_thread;
    char text[128];
};

struct Launch {  // one launch, as Python hands it over (launching.py has the same fields)
    void (*kernel)(void**);
    void** arguments;
    Index grid, block;
    char *shared_begin, *shared_end;
    int64_t dynamic_bytes;
    Region* regions;
    int region_count, checked, order, seed, idle_blocks;  // idle: checked, and wrote nothing
    Failure failure;
};
enum { FORWARD, REVERSED, RANDOM };

extern Launch* launch;      // the one that runs, or null
extern bool running;        // a CUDA thread has the CPU, not the scheduler
extern int thread_number, block_number;  // of that thread in its block, of that block in the grid
extern uint32_t epoch, warp_epoch[32];   // barriers that this block, its warps, have passed
extern bool block_wrote;                  // to global memory, so far
extern long steps;                       // accesses and branches since that thread last began or waited
extern char *fiber_stack, *dynamic_memory;
enum { STACK = 128 << 10 };

Failure* fail(Kind kind, const void* pc = nullptr);  // the first one counts
[[noreturn]] void give_up();                         // leaves the kernel for good
Index thread_index(int number);
Index block_index(int number);
void check_memory_begin();
void check_memory_end();
void count_traffic(const void* pc, bool shared, const char* place, unsigned size);
void count_traffic_end_of_block();
