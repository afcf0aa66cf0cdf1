// Mistakes on purpose: proof that a sanitizer build would see them. One argument names the mistake.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <thread>

namespace {

int use_after_free() {
  auto value = std::make_unique<int>(1);
  int* const dangling = value.get();
  value.reset();
  return *dangling;
}

int overflow(int by) {
  volatile int most = std::numeric_limits<int>::max();
  return most + by;
}

int data_race() {
  int shared = 0;
  std::thread other([&shared] { ++shared; });
  ++shared;
  other.join();
  return shared;
}

}  // namespace

int main(int argc, char** argv) {
  const char* const mistake = argc == 2 ? argv[1] : "";
  int result = 0;
  if (std::strcmp(mistake, "use_after_free") == 0) result = use_after_free();
  if (std::strcmp(mistake, "overflow") == 0) result = overflow(argc);
  if (std::strcmp(mistake, "data_race") == 0) result = data_race();
  std::printf("%d\n", result);
  return 0;
}
