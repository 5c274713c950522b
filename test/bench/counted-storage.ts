/** The storage of a Durable Object, as it is, with what it writes counted as the platform bills it. */

export interface Written {
  /** Rows, those of indexes among them. */
  rowsWritten: number;
  /** How often the alarm was set or cleared, each of which the platform bills as a row. */
  alarmsSet: number;
}

/** The same object, whose storage adds to what `written` gives from here on. */
export function counted(state: DurableObjectState, written: () => Written): DurableObjectState {
  const { storage } = state;
  const exec = storage.sql.exec.bind(storage.sql);
  const countedExec = (...statement: Parameters<typeof exec>): ReturnType<typeof exec> => {
    const cursor = exec(...statement);
    const raw = cursor.raw.bind(cursor);
    // How `durableSql` reads: all rows, after which the cursor has counted all that the statement wrote.
    return Object.defineProperty(cursor, 'raw', {
      *value() {
        yield* raw();
        written().rowsWritten += cursor.rowsWritten;
      },
    });
  };
  Object.defineProperty(storage.sql, 'exec', { value: countedExec });
  for (const name of ['setAlarm', 'deleteAlarm'] as const) {
    const real = storage[name].bind(storage) as (...parameters: unknown[]) => Promise<void>;
    const value = (...parameters: unknown[]): Promise<void> => {
      written().alarmsSet += 1;
      return real(...parameters);
    };
    Object.defineProperty(storage, name, { value });
  }
  return state;
}
