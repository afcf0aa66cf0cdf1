// Integers throughout: what is shown is what is compared.
#include "replay/text/instant.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

namespace havklo::replay {
namespace {

constexpr int64_t ns_per_us = 1'000;
constexpr int64_t us_per_s = 1'000'000;

// Towards the past, also before 1970.
int64_t floor_div(int64_t value, int64_t by) { return value / by - (value % by < 0 ? 1 : 0); }

}  // namespace

int64_t whole_us(Duration offset) {
  const int64_t half = offset.ns < 0 ? -ns_per_us / 2 : ns_per_us / 2;
  return offset.ns / ns_per_us + (offset.ns % ns_per_us + half) / ns_per_us;
}

std::string offset_text(Instant at, Instant origin) {
  const int64_t us = whole_us(at - origin);
  const int64_t size = us < 0 ? -us : us;
  return fmt::format("{}{}.{:06} s", us < 0 ? '-' : '+', size / us_per_s, size % us_per_s);
}

std::string utc_text(Instant at, Duration utc_offset) {
  const int64_t us = whole_us(Duration{at.ns + utc_offset.ns});
  const int64_t s = floor_div(us, us_per_s);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", fmt::gmtime(std::time_t{s}), us - s * us_per_s);
}

}  // namespace havklo::replay
