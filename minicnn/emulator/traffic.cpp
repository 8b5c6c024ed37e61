// How well does a kernel use memory? What the 32 lanes of a warp ask for with one instruction is one
// *request*. Global memory answers in sectors of 32 bytes: 32 floats side by side are 4 sectors, 32
// floats far apart are 32 (not coalesced). Shared memory has 32 banks of 4 bytes, each of which
// answers one word at a time: different words of one bank wait for one another (a bank conflict).
#include "runtime.h"
#include <algorithm>
#include <map>

struct Request { bool shared; unsigned size; std::vector<uintptr_t> places; };
struct Line { const void* pc; int64_t shared, requests, transfers, ideal; };
typedef std::pair<const void*, int> PcAndNumber;
static bool counting;
static std::map<std::pair<PcAndNumber, int>, Request> requests;  // of a block: (pc, nth time), warp
static std::map<PcAndNumber, int> times;                         // (pc, thread): how often so far
static std::map<const void*, Line> lines;

void count_traffic(const void* pc, bool shared, const char* place, unsigned size) {
    if (!counting) return;
    int nth = times[{pc, thread_number}]++;  // the nth time here, all lanes of the warp together
    Request& request = requests[{{pc, nth}, thread_number / 32}];
    request.shared = shared, request.size = size;
    request.places.push_back((uintptr_t)place);
}

void count_traffic_end_of_block() {
    for (auto& [key, request] : requests) {
        unsigned step = request.shared ? 4 : 32;
        std::vector<uintptr_t> units;  // words of shared, sectors of global memory
        for (uintptr_t place : request.places)
            for (uintptr_t u = place / step; u <= (place + request.size - 1) / step; u++)
                units.push_back(u);
        std::sort(units.begin(), units.end());
        units.erase(std::unique(units.begin(), units.end()), units.end());
        int64_t transfers = units.size(), ideal = (request.places.size() * request.size + 31) / 32;
        if (request.shared) {
            int bank[32] = {};
            transfers = 0;
            for (uintptr_t word : units) transfers = std::max<int64_t>(transfers, ++bank[word % 32]);
            ideal = (units.size() + 31) / 32;
        }
        Line& line = lines[key.first.first];
        line.pc = key.first.first, line.shared = request.shared;
        line.requests++, line.transfers += transfers, line.ideal += std::min(ideal, transfers);
    }
    requests.clear(), times.clear();
}

FOR_PYTHON void traffic_begin() { counting = true, lines.clear(), requests.clear(), times.clear(); }
FOR_PYTHON int traffic_end(Line* out, int room) {  // how many lines there are; writes `room` at most
    int count = 0;
    for (auto& [pc, line] : lines)
        if (count < room) out[count++] = line;
    counting = false;
    return count;
}
