// A conversion at a time, by strftime: only those whose text can stand in a file's name.
#include <array>
#include <cstddef>
#include <ctime>
#include <havklo/recording.hpp>

namespace havklo {
namespace {

constexpr std::string_view conversions = "YmdHMSjFTs";
constexpr int64_t second_ns = 1'000'000'000;

std::string converted(char conversion, std::time_t seconds, const std::tm& time) {
  if (conversion == 's') return std::to_string(seconds);
  const std::array<char, 3> format = {'%', conversion, '\0'};
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), format.data(), &time)};
}

}  // namespace

std::expected<std::string, std::string> recording_path(std::string_view pattern, int64_t utc_ns) {
  const auto seconds = static_cast<std::time_t>(utc_ns / second_ns);
  std::tm time{};
  ::gmtime_r(&seconds, &time);
  std::string path;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') {
      path += pattern[i];
      continue;
    }
    const std::string_view rest = pattern.substr(++i, 1);
    if (rest == "%") {
      path += '%';
    } else if (!rest.empty() && conversions.contains(rest[0])) {
      path += converted(rest[0], seconds, time);
    } else {
      return std::unexpected("cannot record to '" + std::string(pattern) + "': '%" +
                             std::string(rest) +
                             "' is no part of a time; there are %Y %m %d %H %M %S %j %F %T %s, "
                             "and %% for a percent sign");
    }
  }
  return path;
}

}  // namespace havklo
