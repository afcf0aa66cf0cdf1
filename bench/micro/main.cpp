// main() of every *_bench program: benchmark::benchmark_main's, but a wrong answer is an exit
// status of 1, and a build that is unfit to be measured is refused, as the contenders refuse it.
//
// Of repeated runs only the aggregates are shown. `--benchmark_report_aggregates_only` would do it
// too, but keeps the repetitions from whoever asks for their errors: a wrong answer in one of five
// would be none.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <span>
#include <sstream>
#include <string>
#include <string_view>

#include "bench/harness/contender.hpp"

namespace havklo::bench {
namespace {

// Google Benchmark 1.8 gave the field another name.
template <class Run>
bool went_wrong(const Run& run) {
  if constexpr (requires { run.error_occurred; }) {
    return run.error_occurred;
  } else {
    return !run.skip_message.empty();
  }
}

class Reporter final : public benchmark::BenchmarkReporter {
 public:
  // Debian's library says of every program that it was built as DEBUG, and means itself.
  bool ReportContext(const Context& context) override {
    std::ostringstream said;
    shown_->SetErrorStream(&said);
    const bool goes_on = shown_->ReportContext(context);
    shown_->SetErrorStream(&std::cerr);
    std::cerr << said.str();
    if (said.str().find("built as DEBUG") != std::string::npos) {
      std::cerr << "*** That is the Google Benchmark library, which only takes the time between "
                   "two chunks.\n*** What is measured was built with "
                << build_flags() << "\n";
    }
    return goes_on;
  }
  void ReportRuns(const std::vector<Run>& runs) override {
    bool wrong = false;
    for (const Run& run : runs) wrong = wrong || went_wrong(run);
    all_right_ = all_right_ && !wrong;
    const Run& first = runs.front();
    if (first.run_type == Run::RT_Aggregate || first.repetitions < 2 || wrong) {
      shown_->ReportRuns(runs);
    }
  }
  void Finalize() override { shown_->Finalize(); }

  [[nodiscard]] bool all_right() const { return all_right_; }

 private:
  std::unique_ptr<benchmark::BenchmarkReporter> shown_{benchmark::CreateDefaultDisplayReporter()};
  bool all_right_ = true;
};

// As the tests run them: the answers are checked, the times are none. What the environment or the
// library's default sets is no tiny run.
bool tiny(std::span<char*> arguments) {
  constexpr std::string_view option = "--benchmark_min_time=";
  bool found = false;
  for (const char* argument : arguments) {
    if (std::string_view(argument).starts_with(option)) {
      found = std::strtod(argument + option.size(), nullptr) < 0.01;
    }
  }
  return found;
}

int main_of(int count, char** arguments) {
  const bool is_tiny = tiny({arguments, static_cast<size_t>(count)});
  benchmark::Initialize(&count, arguments);
  if (benchmark::ReportUnrecognizedArguments(count, arguments)) return 2;
  if (const std::string why = reason_to_refuse(); !is_tiny && !why.empty()) {
    std::fprintf(stderr, "%s: %s\n", arguments[0], why.c_str());
    return 2;
  }
  Reporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  benchmark::Shutdown();
  if (reporter.all_right()) return 0;
  std::fprintf(stderr, "%s: an answer is wrong\n", arguments[0]);
  return 1;
}

}  // namespace
}  // namespace havklo::bench

int main(int count, char** arguments) { return havklo::bench::main_of(count, arguments); }
