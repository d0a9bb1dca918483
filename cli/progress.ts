/** What a command is doing, for people: a spinner on a terminal, plain lines elsewhere. */
import ora from 'ora';

export interface Progress {
  /** Shows `title` while `work` runs, then that it is done and how long it took. `detail` of the callback changes the running text. */
  step<T>(title: string, work: (detail: (text: string) => void) => Promise<T>): Promise<T>;
}

export function terminalProgress(): Progress {
  return {
    async step(title, work) {
      const started = performance.now();
      const spinner = ora({ text: title, stream: process.stderr }).start();
      try {
        const result = await work(text => {
          if (process.stderr.isTTY) spinner.text = `${title}: ${text}`;
        });
        spinner.succeed(`${title} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
        return result;
      } catch (error) {
        spinner.fail(title);
        throw error;
      }
    },
  };
}
