// A configuration file: any text is refused in one line, or it is settings that are written and
// read back the same; and settings that are allowed begin a recording whose header says them.
#include <havklo/config.hpp>
#include <string>
#include <string_view>

#include "fuzz/target.hpp"
#include "replay/recording/header.hpp"
#include "replay/text/settings_toml.hpp"
#include "support/fuzz/one_line.hpp"
#include "support/fuzz/same_settings.hpp"

namespace havklo::settings_fuzz {
namespace {

using fuzz::check_one_line;
using fuzz::is_same;
using fuzz::require;

// The header of a recording has no credentials, and says the network that was taken.
void check_header(const Settings& settings) {
  const replay::HeaderText written = replay::header_text(std::span(&settings, 1), 0x5eed, {});
  const auto read = replay::parse_header(written.before + "0\n" + written.after, "f");
  require(read.has_value(), "a header that was written is not read: " + fuzz::error_of(read));
  Settings expected = settings;
  expected.url = read->settings.url;
  require(read->settings.legs.size() == settings.legs.size(), "a header says other legs");
  for (size_t leg = 0; leg < settings.legs.size(); ++leg) {
    auto& url = expected.legs[leg].url;
    if (url && read->settings.legs[leg].url) url = read->settings.legs[leg].url;
  }
  expected.recording.overwrite = false;
  if (expected.network == Network::automatic) expected.network = Network::io_uring;
  require(is_same(read->settings, expected), "a header says other settings");
  for (uint32_t leg = 0; leg < settings.legs.size(); ++leg) {
    const auto before = parse_url(url_of(settings, leg));
    const auto after = parse_url(url_of(read->settings, leg));
    require(before && after && before->host == after->host && before->port == after->port &&
                before->tls == after->tls,
            "a header names another venue");
  }
}

}  // namespace

HAVKLO_FUZZ_TARGET(settings) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto settings = settings_from_toml(text, "f");
  if (!settings) return check_one_line(settings.error(), "f");

  const std::string written = replay::settings_to_toml(*settings);
  const auto again = settings_from_toml(written, "f");
  require(again.has_value(), "what was written is not read: " + fuzz::error_of(again));
  require(is_same(*settings, *again), "what was written reads otherwise");
  require(replay::settings_to_toml(*again) == written, "what was read is written otherwise");

  const auto valid = validate(*settings);
  if (!valid) return check_one_line(valid.error().message(), "");
  require(settings->ring_slots >= ring_slots_min(*settings), "a ring that is too small is allowed");
  check_header(*settings);
}

}  // namespace havklo::settings_fuzz
