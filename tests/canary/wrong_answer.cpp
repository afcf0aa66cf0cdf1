// A wrong answer on purpose, in one of several repetitions: the programs of the micro benchmarks
// must end with an error for it.
#include <benchmark/benchmark.h>

namespace {

void wrong_answer(benchmark::State& state) {
  static int repetition = 0;
  for (auto _ : state) benchmark::DoNotOptimize(repetition);
  if (++repetition == 3) state.SkipWithError("wrong on purpose");
}
BENCHMARK(wrong_answer)->Iterations(1)->Repetitions(5);

}  // namespace
