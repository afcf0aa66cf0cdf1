// A comparison program: `list`, `run QUESTION NAME`, `check`; one JSON object a line.
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <span>
#include <string_view>

#include "bench/harness/contender.hpp"
#include "bench/venue/frames.hpp"
#include "bench/venue/load_server.hpp"
#include "io/affinity.hpp"

namespace havklo::bench {

std::vector<Contender>& contenders() {
  static std::vector<Contender> all;
  return all;
}

namespace {

std::string short_size(int64_t size) {
  if (size % 1'000'000 == 0) return std::to_string(size / 1'000'000) + "m";
  if (size % 1'000 == 0) return std::to_string(size / 1'000) + "k";
  return std::to_string(size);
}

int fail(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  return 2;
}

void list() {
  for (const Contender& each : contenders()) {
    std::printf(R"({"question":"%s","contender":"%s","version":"%s"})"
                "\n",
                each.question.c_str(), each.name.c_str(), each.version.c_str());
  }
}

void print(const Contender& contender, const Figure& figure) {
  std::printf(R"({"question":"%s","contender":"%s","version":"%s","value":%.6g)",
              contender.question.c_str(), contender.name.c_str(), contender.version.c_str(),
              figure.value);
  if (!figure.percentiles.empty()) {
    std::printf(R"(,"percentiles":[)");
    for (size_t i = 0; i < figure.percentiles.size(); ++i) {
      const auto [percent, value] = figure.percentiles[i];
      std::printf("%s[%.6g,%.6g]", i == 0 ? "" : ",", percent, value);
    }
    std::printf("]");
  }
  std::printf("}\n");
}

// Pins this thread and looks where it runs: a run that is not where it says tells nothing.
std::string pin(uint32_t cpu) {
  if (auto pinned = io::pin_this_thread(cpu); !pinned) return pinned.error();
  const int actual = sched_getcpu();
  if (actual == static_cast<int>(cpu)) return "";
  return "pinned to cpu " + std::to_string(cpu) + " but running on " + std::to_string(actual);
}

int run(const Contender& contender, Run run) {
  if (const std::string why = reason_to_refuse(); !run.tiny && !why.empty()) return fail(why);
  if (const std::string why = pin(run.cpu); !run.tiny && !why.empty()) return fail(why);
  run.size = contender.size;
  const Measured measured = contender.measure(run);
  if (!measured) {
    return fail(contender.question + ", " + contender.name + ": " + measured.error());
  }
  if (!std::isfinite(measured->value)) return fail(contender.question + ": no figure came out");
  print(contender, *measured);
  return 0;
}

bool number(std::string_view text, uint32_t& into) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc{} && end == text.data() + text.size();
}

bool options(std::span<char*> arguments, Run& into) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view name = arguments[i];
    if (name == "--tiny") {
      into.tiny = true;
      continue;
    }
    if (++i == arguments.size()) return false;
    const std::string_view value = arguments[i];
    // These make their frames and serve themselves; the two are for programs in other languages.
    if (name == "--frames" || name == "--server") continue;
    if (name == "--cpu") {
      if (!number(value, into.cpu)) return false;
    } else if (name != "--peer-cpu" || !number(value, into.peer_cpu)) {
      return false;
    }
  }
  return true;
}

// For the peers that are written in another language: the messages that ours takes.
int write_frames(const std::string& path) {
  std::ofstream file(path);
  for (const std::string& text : real_or_made_frames().texts) file << text << '\n';
  return file.flush() ? 0 : fail("cannot write " + path);
}

std::string stamp() {
  const Frames& frames = real_or_made_frames();
  return build_stamp(std::string(frames.label()) + ", " + std::to_string(frames.texts.size()) +
                     " book messages");
}

// For every client on the wire: says where it listens and whom to trust, then serves one client.
int serve(std::span<char*> arguments) {
  const std::string_view kind = arguments[0];
  uint32_t messages = 0;
  uint32_t rate = 0;
  uint32_t cpu = 0;
  const bool pinned = arguments.size() == 4;
  if (!number(arguments[1], messages) || !number(arguments[2], rate) || rate == 0 ||
      (pinned && !number(arguments[3], cpu))) {
    return fail("use: serve rate|text|books MESSAGES PER_SECOND [CPU]");
  }
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return fail(std::strerror(errno));
  if (const std::string why = pinned ? pin(cpu) : ""; !why.empty()) return fail(why);
  LoadServer server({.kind = kind == "rate"    ? Load::Kind::rate
                             : kind == "books" ? Load::Kind::flood_books
                                               : Load::Kind::flood_text,
                     .messages = messages,
                     .per_second = rate});
  std::string ca;
  for (const char c : server.ca_pem()) ca += c == '\n' ? std::string("\\n") : std::string(1, c);
  std::printf(R"({"port":%u,"ca":"%s"})"
              "\n",
              server.port(), ca.c_str());
  std::fclose(stdout);
  server.run();
  return 0;
}

int main_of(std::span<char*> arguments) {
  const std::string_view verb = arguments.size() > 1 ? arguments[1] : "";
  Run given;
  if (verb == "list") return list(), 0;
  if (verb == "stamp") return std::printf("%s\n", stamp().c_str()), 0;
  if (verb == "frames" && arguments.size() == 3) return write_frames(arguments[2]);
  if (verb == "serve" && (arguments.size() == 5 || arguments.size() == 6))
    return serve(arguments.subspan(2));
  if (verb == "check" && options(arguments.subspan(2), given)) {
    given.tiny = true;
    int worst = 0;
    for (const Contender& each : contenders()) worst = std::max(worst, run(each, given));
    return worst;
  }
  if (verb == "run" && arguments.size() >= 4 && options(arguments.subspan(4), given)) {
    for (const Contender& each : contenders()) {
      if (each.question == arguments[2] && each.name == arguments[3]) return run(each, given);
    }
    return fail(std::string("no such contender: ") + arguments[2] + " " + arguments[3]);
  }
  return fail(
      "use: list | stamp | frames FILE | check | run QUESTION CONTENDER [--tiny] [--cpu N] "
      "[--peer-cpu N]");
}

}  // namespace

Registration::Registration(std::string question, std::string name, std::string version,
                           Measured (*measure)(const Run&), std::vector<int64_t> sizes) {
  if (sizes.empty()) contenders().push_back({question, name, version, 0, measure});
  for (const int64_t size : sizes) {
    contenders().push_back({question + "_" + short_size(size), name, version, size, measure});
  }
}

Growth::Growth(std::string question, Measured (*measure)(const Run&), std::vector<int64_t> sizes) {
  for (const int64_t size : sizes) {
    contenders().push_back({question, short_size(size), HAVKLO_VERSION, size, measure});
  }
}

}  // namespace havklo::bench

int main(int count, char** arguments) {
  return havklo::bench::main_of({arguments, static_cast<size_t>(count)});
}
