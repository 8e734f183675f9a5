// Exam mode at work on a question: the clock, the hints one at a time, and the field to write in.
{
  const { make, button, minutes } = fullMarks;
  const CLOCK_HIDDEN = "full-marks-clock-hidden";
  const unit = (part, name) => part.root.querySelector(`section.unit[data-unit="${name}"]`);

  function show(part, ...names) {
    for (const each of part.root.querySelectorAll("section.unit")) each.hidden = !names.includes(each.dataset.unit);
  }

  // Move the keyboard, and what reads the screen, to an element that is no control.
  function focus(element) {
    element.tabIndex = -1;
    element.focus();
  }

  // What counts the time: shown or hidden, stopped and started. It keeps the seconds in `sitting.spent`.
  class Clock {
    constructor(sitting, seconds, save) {
      Object.assign(this, { sitting, seconds, save, since: Date.now(), ticks: 0 });
      this.time = make("span", { role: "timer", className: "time" });
      this.notice = make("span", { role: "status" });
      this.hiding = button("", () => this.hide(!this.time.hidden));
      this.pausing = button("Pause", () => this.pause());
      this.elements = [this.time, this.hiding, this.pausing, this.notice];
      this.hide(fullMarks.kept(CLOCK_HIDDEN, false));
      this.tick();
      this.running = setInterval(() => this.tick(), 1000);
    }

    tick() {
      if (this.since) this.sitting.spent += (Date.now() - this.since) / 1000;
      this.since &&= Date.now();
      const left = this.seconds - this.sitting.spent, said = this.said(left);
      this.time.textContent = left < 0 ? `${minutes(-left)} over` : `${minutes(left)} left`;
      this.time.classList.toggle("over", left < 0);
      if (this.notice.textContent !== said) this.notice.textContent = said;  // what is said anew is read aloud
      if (this.ticks++ % 10 === 0) this.save();
    }

    said(left) {
      if (left <= 0) return "Time is up. You may go on.";
      if (left <= 300 && this.seconds > 600) return "Less than five minutes are left.";
      return left <= this.seconds / 2 ? "Half the time is gone." : "";
    }

    hide(hidden) {
      this.time.hidden = hidden;
      this.hiding.textContent = hidden ? "Show the clock" : "Hide the clock";
      fullMarks.keep(CLOCK_HIDDEN, hidden);
    }

    pause() {
      this.tick();
      this.since = this.since ? null : Date.now();
      this.pausing.textContent = this.since ? "Pause" : "Go on";
    }

    stop() {
      clearInterval(this.running);
      this.tick();
    }
  }

  // What stands below a question: while writing the hints and a field, then what was written.
  class Desk {
    constructor(part, work, save) {
      Object.assign(this, { part, work, save, element: make("div", { className: "desk" }) });
      this.hints = [...(unit(part, "hints")?.querySelectorAll(":scope > :is(details, .was-details)") ?? [])];
      work.hints = Math.min(work.hints, this.hints.length);
      this.more = button("", () => this.hint());
      const field = make("textarea", { rows: 6, value: work.text, oninput: () => { work.text = field.value; save(); } });
      const where = fullMarks.forgets ? "this browser keeps nothing: it is lost when you leave the page" : "kept in this browser only";
      const asked = `Your answer to ${part.number}, if you want to write here (${where})`;
      this.label = make("label", {}, make("span", { textContent: asked }), field);
      (unit(part, "hints") ?? unit(part, "the-question")).after(this.element);
    }

    // Show one more hint, and move there.
    hint() {
      this.work.hints += 1;
      this.save();
      this.draw();
      focus(this.hints[this.work.hints - 1].querySelector("summary, .was-summary"));
    }

    draw(...sections) {
      const shown = this.work.hints;
      this.hints.forEach((hint, at) => { hint.hidden = at >= shown; hint.open = true; });
      this.more.disabled = shown === this.hints.length;
      this.more.textContent = this.more.disabled ? "No more hints" : `Show hint ${shown + 1} of ${this.hints.length}`;
      show(this.part, "the-question", ...(shown ? ["hints"] : []), ...sections);
    }

    write() {
      this.element.replaceChildren(...(this.hints.length ? [this.more] : []), this.label);
      this.draw();
    }

    mark() {
      const said = make("div", { className: "written", textContent: this.work.text });
      const title = make("p", { className: "written-title", textContent: "What you wrote" });
      this.element.replaceChildren(...(this.work.text.trim() ? [title, said] : []));
      this.draw("answer-at-exam-length", "marking-scheme");
    }
  }

  Object.assign(fullMarks, { Clock, Desk, unit, focus });
}
