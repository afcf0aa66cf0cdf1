// Opens the live doors one after the other, and closes them in the order that the kernel needs.
#include "client/live_engine.hpp"

#include <utility>

#include "io/entropy.hpp"

namespace havklo::client {
namespace {

std::unexpected<StartError> refuse(std::string what) {
  return std::unexpected(StartError{std::nullopt, std::move(what)});
}

// What is left after Closed: a close frame or a FIN on its way.
constexpr Duration drain_time = Duration::milliseconds(50);

}  // namespace

// The kernel must have let go of the recorder's blocks before they go.
LiveEngine::~LiveEngine() {
  engine.reset();
  if (recorder && !kept) {
    recorder->discard();  // a start that failed makes no recording
  } else if (recorder) {
    // Nobody else ends what was begun.
    if (!begun) static_cast<void>(transport->start_on_this_thread());
    recorder->finish();
  }
  transport.reset();
}

std::expected<void, StartError> LiveEngine::start(const EngineSettings& given, EventDoor& events) {
  settings = given;
  if (!settings.seed) {
    const auto seed = io::seed_from_kernel();
    if (!seed) return refuse(seed.error());
    settings.seed = *seed;
  }
  const auto mask_secret = io::secret_from_kernel();
  if (!mask_secret) return refuse(mask_secret.error());
  uint32_t connections_max = 0;
  for (const Settings& each : settings.sessions) {
    connections_max += 2 * static_cast<uint32_t>(each.legs.size());
  }
  io::LiveTransportSettings network{
      .network = settings.network, .tls = false, .connections_max = connections_max, .uring = {}};
  for (const Settings& each : settings.sessions) {
    bool tls = false;
    for (uint32_t leg = 0; leg < each.legs.size(); ++leg) {
      tls = tls || parse_url(url_of(each, leg))->tls;
    }
    if (tls && !network.tls) network.ca_files.assign(network.ca_files.size(), each.ca_file);
    network.tls = network.tls || tls;
    // Of one without TLS nobody asks: another's, so that nothing is loaded for it.
    network.ca_files.push_back(tls || !network.tls ? each.ca_file : network.ca_files.front());
  }
  auto made = io::LiveTransport::create(network);
  if (!made) return refuse(made.error());
  transport = std::move(*made);
  if (auto attached = budgets.attach(settings.sessions); !attached) return attached;
  settings.network = transport->network().taken;
  if (!settings.recording.path.empty()) {
    auto path = recording_path(settings.recording.path, (clock.now() + clock.utc_offset()).ns);
    if (!path) return refuse(path.error());
    settings.recording.path = std::move(*path);
    auto files = transport->files();
    if (!files) {
      return refuse("cannot record to '" + settings.recording.path + "': " + files.error());
    }
    auto recording = Recorder::create(settings.recording.path, sessions_with_loop(settings),
                                      *settings.seed, clock.utc_offset(), **files);
    if (!recording) return refuse(recording.error());
    recorder = std::move(*recording);
    transport->receive_into(*recorder);
  }
  engine = std::make_unique<Engine>(
      settings.sessions,
      Doors{clock, *transport, command_door, events, recorder.get(), *settings.seed,
            &transport->phases(), *mask_secret, budgets.doors()});
  return {};
}

std::expected<void, StartError> LiveEngine::begin() {
  if (auto started = transport->start_on_this_thread(); !started) {
    return refuse(std::move(started.error()));
  }
  begun = true;
  return {};
}

std::expected<void, StartError> LiveEngine::keep_recording() {
  if (recorder) {
    if (auto ours = recorder->keep(); !ours) return refuse(std::move(ours.error()));
  }
  kept = true;
  return {};
}

void LiveEngine::finish() {
  try {
    transport->drain(drain_time);
  } catch (const std::bad_alloc&) {  // the recording matters more than a goodbye
  }
  if (recorder) recorder->finish();
  transport->stop_on_this_thread();
}

ClientCounters LiveEngine::counters() const {
  const io::PhaseRecorder& phases = std::as_const(*transport).phases();
  ClientCounters counters;
  for (size_t i = 0; i < phase_count; ++i) {
    counters.phases[i] = phases.summary(static_cast<MessagePhase>(i));
  }
  counters.read = phases.read_summary();
  counters.kernel_entries = std::as_const(*transport).counters().kernel_entries;
  counters.socket_calls = transport->socket_counters().calls;
  counters.socket_calls_empty = transport->socket_counters().empty_calls;
  counters.turns = turn_times.turns();
  counters.first_turn = turn_times.first();
  counters.longest_turn_ns = turn_times.longest_ns();
  counters.turns_over_budget = turn_times.over_budget();
  return counters;
}

std::expected<void, std::string> LiveEngine::recording() const {
  if (!recorder) return {};
  return recorder->outcome();
}

}  // namespace havklo::client
