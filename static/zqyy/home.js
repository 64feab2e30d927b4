// The chart of the home page: bars a day, a line for the mean.
(() => {
  "use strict";

  const draw = () => {
    const canvas = document.getElementById("zqyy-gmv");
    if (!canvas) return;
    const data = JSON.parse(document.getElementById("zqyy-gmv-data").textContent);
    const yuan = new Intl.NumberFormat("zh-CN", { style: "currency", currency: "CNY" });
    const thousands = new Intl.NumberFormat(document.documentElement.lang, { notation: "compact" });

    const colours = () => {
      const style = getComputedStyle(document.documentElement);
      const value = (name) => style.getPropertyValue(name).trim();
      const isDark = document.documentElement.classList.contains("dark");
      return {
        bar: value(isDark ? "--color-primary-800" : "--color-primary-200"),
        line: value(isDark ? "--color-primary-400" : "--color-primary-600"),
        grid: value(isDark ? "--color-base-800" : "--color-base-200"),
        text: value(isDark ? "--color-base-400" : "--color-base-500"),
      };
    };

    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    const chart = new Chart(canvas, {
      data: {
        labels: data.days,
        datasets: [
          { type: "line", label: canvas.dataset.mean, data: data.mean, borderWidth: 2, pointRadius: 0, tension: 0.3 },
          { type: "bar", label: canvas.dataset.gmv, data: data.gmv, borderRadius: 2, barPercentage: 0.9, categoryPercentage: 0.9 },
        ],
      },
      options: {
        animation: false,
        responsive: true,
        maintainAspectRatio: false,
        interaction: { mode: "index", intersect: false },
        plugins: {
          legend: { display: false },
          tooltip: { callbacks: { label: (item) => `${item.dataset.label} ${yuan.format(item.parsed.y)}` } },
        },
        scales: {
          x: { grid: { display: false }, border: { display: false }, ticks: { maxTicksLimit: 8, maxRotation: 0, callback(value) { return this.getLabelForValue(value).slice(5); } } },
          y: { beginAtZero: true, border: { display: false }, ticks: { maxTicksLimit: 5, callback: (value) => thousands.format(value) } },
        },
      },
    });

    const paint = () => {
      const { bar, line, grid, text } = colours();
      chart.data.datasets[0].borderColor = line;
      chart.data.datasets[1].backgroundColor = bar;
      chart.options.scales.y.grid = { color: grid };
      chart.options.scales.x.ticks.color = chart.options.scales.y.ticks.color = text;
      chart.update();
    };
    paint();
    new MutationObserver(paint).observe(document.documentElement, { attributeFilter: ["class"] });
  };

  // Deferred, but the theme's class is set by Alpine, which starts after us.
  document.addEventListener("DOMContentLoaded", draw);
})();
