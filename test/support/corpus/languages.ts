/**
 * Letters in many languages and charsets, in the encodings that such mail comes in (RFC 2045, RFC 2047, RFC 1468,
 * RFC 6532 for the one with UTF-8 in its header).
 */
import { encodeText } from './charsets.ts';
import { letter, lines, text } from './compose.ts';
import type { Encoding, Recipe } from './compose.ts';
import { encodedWords } from './encodings.ts';

interface Tongue {
  readonly name: string;
  readonly charset: string;
  readonly encoding: Encoding;
  readonly words: 'B' | 'Q';
  readonly from: readonly [string, string];
  readonly subject: string;
  readonly body: readonly string[];
}

const TONGUES: readonly Tongue[] = [
  {
    name: 'german-utf-8',
    charset: 'utf-8',
    encoding: 'quoted-printable',
    words: 'Q',
    from: ['Jürgen Groß', 'juergen@example.de'],
    subject: 'Grüße aus Köln – Straßenfest am Samstag',
    body: [
      'Liebe Anna,',
      '',
      'am Samstag ist Straßenfest. Bringst du Käse & Brötchen mit? Es kostet 5 € = fünf Euro.',
      '',
      'Viele Grüße',
      'Jürgen',
    ],
  },
  {
    name: 'french-iso-8859-1',
    charset: 'iso-8859-1',
    encoding: '8bit',
    words: 'Q',
    from: ['Zoé Lefèvre', 'zoe@example.fr'],
    subject: 'Réunion déplacée à mercredi',
    body: ['Bonjour à tous,', '', 'La réunion est déplacée à mercredi, même heure, au café de la gare.', '', 'À bientôt,', 'Zoé'],
  },
  {
    name: 'quotes-windows-1252',
    charset: 'windows-1252',
    encoding: '8bit',
    words: 'Q',
    from: ['Seán O’Brien', 'sean@example.ie'],
    subject: '“Smart quotes” – and a price of €20…',
    body: ['It’s “smart”, isn’t it? — the price is €20, or £17…', '• first', '• second', 'Seán™'],
  },
  {
    name: 'czech-iso-8859-2',
    charset: 'iso-8859-2',
    encoding: 'quoted-printable',
    words: 'Q',
    from: ['Jiří Dvořák', 'jiri@example.cz'],
    subject: 'Žluťoučký kůň',
    body: ['Příliš žluťoučký kůň úpěl ďábelské ódy.', '', 'Jiří'],
  },
  {
    name: 'russian-koi8-r',
    charset: 'koi8-r',
    encoding: 'base64',
    words: 'B',
    from: ['Иван Петров', 'ivan@example.ru'],
    subject: 'Отчёт за третий квартал',
    body: ['Здравствуйте!', '', 'Отправляю отчёт за третий квартал. Посмотрите, пожалуйста, до пятницы.', '', 'С уважением,', 'Иван'],
  },
  {
    name: 'japanese-iso-2022-jp',
    charset: 'iso-2022-jp',
    encoding: '7bit',
    words: 'B',
    from: ['山田太郎', 'yamada@example.jp'],
    subject: '会議の日程について',
    body: ['お世話になっております。', '', '来週の会議の日程ですが、水曜日の午後三時でよろしいでしょうか。', '', '山田'],
  },
  {
    name: 'japanese-shift-jis',
    charset: 'shift_jis',
    encoding: 'base64',
    words: 'B',
    from: ['鈴木花子', 'suzuki@example.jp'],
    subject: '表示と予定表のお知らせ',
    body: ['表示、予定、能力。', 'これらの文字には円記号のバイトが含まれます。', '鈴木'],
  },
  {
    name: 'chinese-gb18030',
    charset: 'gb18030',
    encoding: 'base64',
    words: 'B',
    from: ['王小明', 'wang@example.cn'],
    subject: '关于下周的会议安排',
    body: ['您好：', '', '下周的会议改到星期四上午十点，请准时参加。', '', '王小明'],
  },
  {
    name: 'korean-euc-kr',
    charset: 'euc-kr',
    encoding: '8bit',
    words: 'B',
    from: ['김철수', 'kim@example.kr'],
    subject: '회의 일정 안내',
    body: ['안녕하세요.', '', '다음 주 회의는 목요일 오전 열 시입니다.', '', '김철수 드림'],
  },
  {
    name: 'arabic-utf-8',
    charset: 'utf-8',
    encoding: 'base64',
    words: 'B',
    from: ['ليلى حسن', 'layla@example.eg'],
    subject: 'موعد الاجتماع القادم',
    body: ['مرحبا،', '', 'موعد الاجتماع القادم يوم الأحد الساعة 10 صباحا.', '', 'ليلى'],
  },
  {
    name: 'emoji-utf-8',
    charset: 'utf-8',
    encoding: '8bit',
    words: 'B',
    from: ['Party 🎉', 'party@example.com'],
    subject: '🎂 Birthday 👩‍👩‍👧‍👦 on Friday – bring 🍕, 🍷 and good humour, and tell everybody who might want to come 🇨🇭',
    body: ['See you on Friday! 🎈🎈🎈', 'Family: 👩‍👩‍👧‍👦, flags: 🇨🇭🇯🇵, skin: 👍🏽, old: ☺︎ new: ☺️'],
  },
];

function fromTongue(tongue: Tongue): Recipe {
  const { charset, words } = tongue;
  return {
    name: tongue.name,
    make: (at) =>
      letter(
        {
          at,
          name: tongue.name,
          from: `${encodedWords(tongue.from[0], charset, words)} <${tongue.from[1]}>`,
          subject: encodedWords(tongue.subject, charset, words),
        },
        text(lines(...tongue.body), { charset, encoding: tongue.encoding }),
      ),
  };
}

/** UTF-8, one character per octet, as header fields are given. */
function raw(value: string): string {
  return Buffer.from(encodeText(value, 'utf-8')).toString('latin1');
}

/** UTF-8 in the header itself, as internationalized mail has it (RFC 6532). */
const rawHeader: Recipe = {
  name: 'utf-8-in-the-header',
  make: (at) => {
    return letter(
      { at, name: 'utf-8-in-the-header', from: raw('Søren Ærø <søren@example.dk>'), subject: raw('Rødgrød med fløde – på søndag') },
      text(lines('Kom og spis rødgrød med fløde.', '', 'Søren'), { encoding: '8bit' }),
    );
  },
};

export const languages: readonly Recipe[] = [...TONGUES.map(fromTongue), rawHeader];
