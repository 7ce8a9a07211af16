#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace eyeflow::runtime {

// One thread that does one job after the other.
class JobThread {
 public:
  JobThread() : thread_([this] { work(); }) {}
  // What was posted before is still done.
  ~JobThread() {
    post({});
    thread_.join();
  }
  JobThread(const JobThread&) = delete;
  JobThread& operator=(const JobThread&) = delete;

  void post(std::function<void()> job) {
    {
      const std::scoped_lock lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    wake_.notify_one();
  }

  // Waits until it is done.
  void call(const std::function<void()>& job) {
    std::mutex mutex;
    std::condition_variable ended;
    bool is_over = false;
    post([&] {
      job();
      const std::scoped_lock lock(mutex);
      is_over = true;
      ended.notify_one();
    });
    std::unique_lock lock(mutex);
    ended.wait(lock, [&] { return is_over; });
  }

 private:
  void work() {
    while (true) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return !jobs_.empty(); });
      const auto job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      if (!job) return;
      job();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  std::thread thread_;  // last: it uses what stands above
};

}  // namespace eyeflow::runtime
